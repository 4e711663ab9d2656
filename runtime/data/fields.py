"""What each variable of a spec is called in a data file, and what shape it has there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Tokens:
    """A discrete variable.  ``values`` names its values in order; None takes them from the data.

    In a plate its column holds one list per row, else one value per row.  With ``missing`` it says of the column of a
    real variable whether a row has no value there (1) or has one (0).
    """

    plate: str | None = None
    size: int = 1
    values: tuple[str, ...] | int | None = None
    column: str | None = None
    missing: bool = False


@dataclass(frozen=True)
class Vectors:
    """A real variable: ``size`` vectors of ``length`` numbers each.

    It is read from one column of lists, or from ``columns``, one number each.  Numbers with a range ``low``..``high`` are
    mapped to [-1, 1]; with a ``scale`` each column is mapped to about a standard normal law.
    """

    plate: str | None = None
    size: int = 1
    length: int = 1
    low: float | None = None
    high: float | None = None
    columns: tuple[str, ...] = ()
    scale: Literal["none", "standard", "quantile"] = "none"

    @property
    def spread(self) -> bool:
        """Whether each number has a column of its own."""
        return bool(self.columns) and len(self.columns) == self.length * (1 if self.plate else self.size)


Field = Tokens | Vectors


def column_names(name: str, field: Field) -> list[str]:
    """The columns that a variable is read from."""
    if isinstance(field, Vectors) and field.columns:
        return list(field.columns)
    return [(field.column if isinstance(field, Tokens) else None) or name]
