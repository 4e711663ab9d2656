"""What each variable of a spec is called in a data file, and what shape it has there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tokens:
    """A discrete variable.  ``values`` names its values in order; None takes them from the data.

    In a plate its column holds one list per row, else one value per row.
    """

    plate: str | None = None
    size: int = 1
    values: tuple[str, ...] | int | None = None
    column: str | None = None


@dataclass(frozen=True)
class Vectors:
    """A real vector of ``length`` numbers, scaled to [-1, 1] where it has a range ``low``..``high``.

    It is read from one column of lists, or from ``columns``, one number each.
    """

    plate: str | None = None
    size: int = 1
    length: int = 1
    low: float | None = None
    high: float | None = None
    columns: tuple[str, ...] = ()


Field = Tokens | Vectors
