"""The order algebra, as written."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from .base import Form, Model, Positive, Rate
from .schedules import Schedule


class Order(Model):
    """Base of the order expressions; see `compiler.order` for what they denote."""

    word: ClassVar[str] = ""
    """Its name where it is written as a call."""

    @property
    def inside(self) -> tuple[Order, ...]:
        """The orders directly inside this one."""
        body = getattr(self, "body", None)
        parts: tuple[Order, ...] = getattr(self, "parts", ())
        return parts if body is None else (body,)


Parts = Annotated[tuple[Order, ...], Field(min_length=1)]


class Sweep(Order):
    """`v`: one visit per site, in index order."""

    variable: str


class Together(Order):
    """`all(v)`: one visit that holds every site."""

    word = "all"
    variable: str


class Blocks(Order):
    """`blocks(v, k)`: consecutive groups of k sites."""

    word = "blocks"
    variable: str
    size: Positive


class Then(Order):
    """`a -> b`."""

    parts: Parts


class Repeat(Order):
    """`n * e`."""

    times: Positive
    body: Order


class Zip(Order):
    """`zip(a, b)`: their visits alternately."""

    word = "zip"
    parts: Parts


class Joint(Order):
    """`a & b`: the i-th visit of each, merged."""

    parts: Parts


class Reverse(Order):
    """`reverse(e)`."""

    word = "reverse"
    body: Order


class Shuffle(Order):
    """`shuffle(e)`: a fresh random permutation per trajectory and round."""

    word = "shuffle"
    body: Order


class RandomScan(Order):
    """`random(a: 0.7, b: 0.3)`: one visit, drawn from a part chosen by weight, then uniformly within it."""

    word = "random"
    parts: Parts
    weights: tuple[Rate, ...]

    @model_validator(mode="after")
    def _weigh(self) -> Self:
        if len(self.weights) != len(self.parts):
            raise ValueError(f"{len(self.weights)} weights for {len(self.parts)} parts")
        return self


class Confidence(Order):
    """`confidence(v, steps, schedule)`: the most confident sites are committed first."""

    word = "confidence"
    variable: str
    steps: Positive
    schedule: Schedule


Orders = Sweep | Together | Blocks | Then | Repeat | Zip | Joint | Reverse | Shuffle | RandomScan | Confidence
"""The whole algebra."""


class OrderOperator(Form):
    """Base of the order operators of plug-ins: arguments, and what they stand for in the algebra above.

    An argument annotated `Order` is any order expression.
    """

    def rewrite(self) -> Order:
        """The order that this stands for.

        Raises:
            ValueError: the arguments have no such order; the message says why to the author of the spec.
        """
        raise NotImplementedError
