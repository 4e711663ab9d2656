"""Slopes on log width with bootstrap intervals over seeds, and the verdicts drawn from them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
LEVEL = 0.95

Runs = Mapping[int, Sequence[float]]
"""Width to one value per seed."""
Verdict = Literal["as expected", "not as expected", "undecided", "constant", "not constant"]

GUARANTEED = -0.5
"""Slope of the drift that the derivation guarantees for bounded dynamics; about -1 is measured."""
FLAT = -0.25
"""A drift that falls more slowly with width than this does not vanish in any useful sense."""


@dataclass(frozen=True)
class Slope:
    """An exponent with its interval over seeds (95 %)."""

    value: float
    low: float
    high: float
    widths: int

    def __str__(self) -> str:
        return f"{self.value:+.2f} [{self.low:+.2f}, {self.high:+.2f}]"


def slope(runs: Runs, logarithmic: bool = True) -> Slope | None:
    """Least-squares slope on log M of (the logarithm of) the median over seeds; None with fewer than three widths.

    The interval resamples seeds within each width.  With three seeds it is a rough one, and too narrow if anything.
    """
    usable = {
        m: np.asarray(values)
        for m, values in runs.items()
        if len(values) and np.isfinite(values).all() and (not logarithmic or min(values) > 0)
    }
    if len(usable) < 3:
        return None
    x = np.log(list(usable))
    draw = np.random.default_rng(0)

    def fit(medians: NDArray[np.float64]) -> NDArray[np.float64]:
        """Slopes of rows (draws, widths)."""
        y = np.log(medians) if logarithmic else medians
        centred = x - x.mean()
        slopes: NDArray[np.float64] = (y - y.mean(1, keepdims=True)) @ centred / (centred @ centred)
        return slopes

    again = np.stack(
        [np.median(v[draw.integers(0, len(v), (DRAWS, len(v)))], axis=1) for v in usable.values()], axis=1
    )
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(fit(again), [tail, 1 - tail])
    value = fit(np.array([[np.median(v) for v in usable.values()]]))[0]
    return Slope(float(value), float(low), float(high), len(usable))


def within(found: Slope | None, low: float, high: float) -> Verdict:
    """Whether the whole interval lies inside, outside, or on the edge of what was expected."""
    if found is None or (found.low < low <= found.high) or (found.low <= high < found.high):
        return "undecided"
    return "as expected" if low <= found.low and found.high <= high else "not as expected"


def constancy(drift: Runs, found: Slope | None, bounded: bool, time: float, horizon: float | None) -> Verdict:
    """Whether the kernel stays put as the width grows.

    A loss without a lower bound loses the kernel at about ``horizon`` = log M / 2 rho whatever the width: a shorter run
    decides nothing.
    """
    widest = float(np.median(drift[max(drift)]))
    if widest >= 1 or (found is not None and found.low > FLAT):
        return "not constant"
    if not bounded and (horizon is None or time < horizon):
        return "undecided"
    return "constant" if found is not None and found.high < GUARANTEED else "undecided"


def median(values: Sequence[float]) -> float:
    """The median, or nan of nothing."""
    return float(np.median(values)) if len(values) else math.nan
