"""What a spec expects of its runs: data that the report turns into verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Expectation:
    """``kind`` of ``quantity``: a slope or ratio in [low, high], or a drift that is constant or moving."""

    kind: Literal["slope", "ratio", "constant", "moving"]
    quantity: str
    low: float = 0.0
    high: float = 0.0
    of: str | None = None
    """The alternative of the loss that it is about; all of them if None."""

    def __str__(self) -> str:
        interval = f" in [{self.low:g}, {self.high:g}]" if self.kind in ("slope", "ratio") else ""
        return f"{self.kind}({self.quantity}){f' of {self.of}' if self.of else ''}{interval}"


def slope(quantity: str, low: float, high: float, of: str | None = None) -> Expectation:
    """The exponent of a quantity in the width."""
    return Expectation("slope", quantity, low, high, of)


def ratio(quantity: str, low: float, high: float, of: str | None = None) -> Expectation:
    """Times per unit of log width, over 1 / (2 rho)."""
    return Expectation("ratio", quantity, low, high, of)


def constant(quantity: str, of: str | None = None) -> Expectation:
    """The quantity vanishes as the width grows."""
    return Expectation("constant", quantity, of=of)


def moving(quantity: str, of: str | None = None) -> Expectation:
    """It does not."""
    return Expectation("moving", quantity, of=of)
