"""Whether samples follow a law: G-tests, whose large deviations, unlike Pearson's, follow the chi-square law.

A correct sampler fails one check with probability `ALARM`, and the suite has fewer than 1,000 checks: the false-alarm
rate of all of it is below 1e-6.  Seeds are fixed, so a pass stays a pass.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, ncx2

from .schedules import Array

ALARM = 1e-9
FEW = 20
"""Expected samples of a cell below which rare cells are counted as one."""

Counts = NDArray[np.int64]


def counted(values: NDArray[np.int64], shape: tuple[int, ...]) -> Counts:
    """How often each cell of ``shape`` occurs among rows of ``values`` (count, axes)."""
    assert (values >= 0).all() and (values < shape).all(), "a value that no site can have"
    return np.bincount(np.ravel_multi_index(tuple(values.T), shape), minlength=int(np.prod(shape)))


def _pooled(seen: Array, rare: NDArray[np.bool_]) -> Array:
    """With rare cells counted as one; cells are on the last axis."""
    kept = seen[..., ~rare]
    return np.concatenate([kept, seen[..., rare].sum(-1, keepdims=True)], -1) if rare.any() else kept


def _entropy(counts: Array) -> float:
    counts = counts[counts > 0]
    return float((counts * np.log(counts)).sum())


def p_value(seen: Counts, law: Array) -> float:
    """Of counted samples against a law over the cells; 0 where something impossible was seen."""
    law = law.ravel()
    if seen[law < 1e-12].any():
        return 0.0
    total = seen.sum()
    rare = law * total < FEW
    seen, expected = _pooled(seen, rare), _pooled(law, rare) * total
    g = 2 * (_entropy(seen) - (seen[seen > 0] * np.log(expected[seen > 0])).sum())
    return float(chi2.sf(g, max(len(expected) - 1, 1)))


def p_value_of_two(seen: Counts, other: Counts) -> float:
    """Of two counted samples against their having one law."""
    both = np.stack([seen, other]).astype(float)
    rare = both.sum(0) * both.sum(1).min() / both.sum() < FEW
    both = _pooled(both, rare)
    g = 2 * (_entropy(both) - _entropy(both.sum(0)) - _entropy(both.sum(1)) + _entropy(both.sum()[None]))
    return float(chi2.sf(g, max(both.shape[1] - 1, 1)))


def power(wrong: Array, law: Array, count: int) -> float:
    """The probability that ``count`` samples of a ``wrong`` law fail the check against ``law``."""
    wrong, law = wrong.ravel(), law.ravel()
    if (wrong[law < 1e-12] > 1e-6).any():
        return 1.0
    rare = law * count < FEW
    wrong, law = _pooled(wrong, rare), _pooled(law, rare)
    seen = wrong > 0
    distance = 2 * count * float((wrong[seen] * np.log(wrong[seen] / law[seen])).sum())
    freedom = max(len(law) - 1, 1)
    return float(ncx2.sf(chi2.isf(ALARM, freedom), freedom, distance))


def assert_law(seen: Counts, law: Array) -> None:
    p = p_value(seen, law)
    assert p > ALARM, f"p = {p:.1e}; seen {seen / seen.sum()}, expected {law.ravel()}"


def assert_one_law(seen: Counts, other: Counts) -> None:
    p = p_value_of_two(seen, other)
    assert p > ALARM, f"p = {p:.1e}"
