"""The schedules that the test processes use, by their words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def at(word: str, u: float) -> float:
    """A falling schedule's value at ``u`` in [0, 1]."""
    match word:
        case "cosine":
            return float(np.cos(np.pi * u / 2) ** 2)
        case "linear":
            return 1 - u
    raise KeyError(word)


def tabulated(word: str, steps: int) -> Array:
    """Its values at 0, 1, .. ``steps`` of ``steps``."""
    return np.array([at(word, k / steps) for k in range(steps + 1)]).clip(0, 1)


def noise_rates(steps: int, start: float = 1e-4, end: float = 2e-2) -> Array:
    """`linear(1e-4, 2e-2)` per thousandth of a trajectory of ``steps`` inner steps."""
    return np.minimum(1000 / steps * np.linspace(start, end, steps), 0.999)
