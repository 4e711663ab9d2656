"""Scales: columns of numbers of any unit as numbers of about a standard normal law, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Numbers = NDArray[np.float64]

KNOTS = 1000
"""Most quantiles kept of a column."""

TAIL = 1e-4
"""Share of the law beyond the outermost quantile: scaled values stay within +-3.72."""


@dataclass(frozen=True)
class Scale(ABC):
    """A monotone map, fitted on training values.  ``whole``: the column held whole numbers only, and is rounded on exit."""

    whole: bool

    @abstractmethod
    def encode(self, values: Numbers) -> Numbers: ...

    @abstractmethod
    def decode(self, scaled: Numbers) -> Numbers: ...

    @abstractmethod
    def as_json(self) -> dict[str, Any]: ...

    def restore(self, scaled: Numbers) -> Numbers:
        """Values in the column's own unit."""
        values = self.decode(scaled)
        return np.round(values) if self.whole else values


@dataclass(frozen=True)
class Standard(Scale):
    """Subtract the mean, divide by the standard deviation (by 1 where all values are equal)."""

    mean: float
    deviation: float

    def encode(self, values: Numbers) -> Numbers:
        return (values - self.mean) / self.deviation

    def decode(self, scaled: Numbers) -> Numbers:
        return self.mean + self.deviation * scaled

    def as_json(self) -> dict[str, Any]:
        return {"kind": "standard", "whole": self.whole, "mean": self.mean, "deviation": self.deviation}


@dataclass(frozen=True)
class Quantile(Scale):
    """The normal quantile of a value's rank.  A value that many rows share takes the middle of its ranks, and the whole
    of them leads back to it."""

    knots: tuple[float, ...]

    @property
    def _ranks(self) -> Numbers:
        return np.linspace(0, 1, len(self.knots))

    def encode(self, values: Numbers) -> Numbers:
        knots = np.asarray(self.knots)
        up = np.interp(values, knots, self._ranks)
        down = 1 - np.interp(-values, -knots[::-1], self._ranks)
        rank = (up + down) / 2
        return np.asarray(ndtri(np.clip(rank, TAIL, 1 - TAIL)))

    def decode(self, scaled: Numbers) -> Numbers:
        low = ndtr(ndtri(TAIL))
        rank = np.clip((ndtr(scaled) - low) / (1 - 2 * low), 0, 1)
        return np.asarray(np.interp(rank, self._ranks, self.knots))

    def as_json(self) -> dict[str, Any]:
        return {"kind": "quantile", "whole": self.whole, "knots": list(self.knots)}


def fit(kind: str, values: Numbers) -> Scale:
    """The scale of a column's training ``values``, none of which is missing."""
    whole = bool((values == np.round(values)).all())
    if kind == "standard":
        deviation = float(values.std()) if len(values) else 0.0
        return Standard(
            False if deviation == 0 else whole, float(values.mean()) if len(values) else 0.0, deviation or 1.0
        )
    if not len(values):  # nothing to rank: every value is missing
        return Quantile(False, (0.0, 0.0))
    knots = np.quantile(values, np.linspace(0, 1, min(KNOTS, max(2, len(values)))))
    return Quantile(whole, tuple(knots.tolist()))


def from_json(saved: dict[str, Any]) -> Scale:
    """The scale that `as_json` wrote."""
    if saved["kind"] == "standard":
        return Standard(saved["whole"], saved["mean"], saved["deviation"])
    return Quantile(saved["whole"], tuple(saved["knots"]))
