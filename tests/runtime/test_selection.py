"""Accepted laws of every selection, by simulation against enumeration and against known numbers.

Draws are seeded.  A frequency is compared within 5 standard errors: a false alarm has a probability below 1e-6 each.
"""

import itertools
import math

import numpy as np
import pytest
import torch

from gencc.compiler.ledgers.shaping import acceptance, accepted_below, implied
from gencc.runtime.shaping.selection import Accept, Preference, Threshold, Top, percentile, select

P = np.array([0.1, 0.25, 0.3, 0.2, 0.15])
R = np.array([0.0, 1.0, 1.0, 2.0, 0.0])
DISTINCT = np.array([0.3, 0.1, 0.5, 0.2, 0.4])
GROUPS = 200_000


def drawn(rule, reward=R, copies=False, groups=GROUPS, seed=0):
    """Accepted copies of each atom per group, and its standard error."""
    generator = torch.Generator().manual_seed(seed)
    atoms = torch.multinomial(torch.tensor(P), groups * rule.of, True, generator=generator)
    atoms = atoms.reshape(groups, rule.of)
    kept = select(rule, torch.tensor(reward)[atoms], generator, atoms if copies else None)
    per_group = torch.stack([((atoms == a) & kept).sum(1) for a in range(5)], 1).double()
    return per_group.mean(0).numpy(), per_group.std(0).numpy() / math.sqrt(groups), kept


def agrees(found, error, expected):
    assert (np.abs(found - expected) <= 5 * error + 1e-12).all(), (found, expected)


def top_by_enumeration(keep, of):
    out = np.zeros(5)
    for group in itertools.product(range(5), repeat=of):
        rewards = R[list(group)]
        last = np.sort(rewards)[-keep]
        above, tied = (rewards > last).sum(), (rewards == last).sum()
        for atom, reward in zip(group, rewards, strict=True):
            share = 1.0 if reward > last else (keep - above) / tied if reward == last else 0.0
            out[atom] += P[list(group)].prod() * share
    return out


@pytest.mark.parametrize(
    ("keep", "of", "known"),
    [
        (1, 4, [0.0015625, 0.18440625, 0.2212875, 0.5904, 0.00234375]),
        (2, 5, [0.00332031, 0.23826328, 0.28591594, 0.46752, 0.00498047]),
        (3, 5, [0.01601563, 0.2858974, 0.34307687, 0.33098667, 0.02402344]),
    ],
)
def test_the_best_of_a_group_with_ties(keep, of, known):
    expected = top_by_enumeration(keep, of)
    assert np.allclose(expected / keep, known, atol=6e-9)
    found, error, kept = drawn(Top(keep, of))
    assert (kept.sum(1) == keep).all()
    agrees(found, error, expected)


def test_a_threshold_with_one_of_each_copy():
    known = np.array([0, 0.33610101, 0.37361834, 0.29028065, 0])
    expected = (R >= 1) * (1 - (1 - P) ** 4)
    assert np.allclose(expected / expected.sum(), known, atol=6e-9)
    agrees(*drawn(Threshold(1.0, of=4), copies=True)[:2], expected)
    agrees(*drawn(Threshold(1.0))[:2], P * (R >= 1))


def test_copies_first_then_the_best():
    known = np.array([0.264835, 0.07850781, 0.83193, 0.26462, 0.55629469])
    agrees(*drawn(Top(2, 5), DISTINCT, copies=True)[:2], known)
    plain, error, _ = drawn(Top(2, 5), DISTINCT)
    assert (np.abs(plain - known) > 20 * error).any()  # the test could tell


def test_a_preference_pair():
    found, error, _ = drawn(Preference())
    agrees(found, error, np.array([0.05935167, 0.25577646, 0.30693176, 0.2889126, 0.08902751]))
    opposite = 2 * P * (1 / (1 + np.exp(R[:, None] - R[None])) @ P)
    assert (np.abs(found - opposite) > 20 * error).any()


@pytest.mark.parametrize("highest", [None, 2.5])
def test_classical_rejection(highest):
    top = 2.0 if highest is None else highest
    agrees(*drawn(Accept(0.7, highest))[:2], P * np.exp((R - top) / 0.7))


def test_nan_rejects_and_nothing_else_changes():
    reward = R.copy()
    reward[3] = np.nan
    for rule in (Top(2, 5), Threshold(0.5), Accept(1.0), Preference()):
        found, _, kept = drawn(rule, reward, groups=5_000)
        assert found[3] == 0 and kept.any()
    nothing = torch.full((3, 4), torch.nan)
    for rule in (Top(2, 4), Threshold(0.0), Accept(1.0)):
        assert not select(rule, nothing, torch.Generator().manual_seed(0)).any()
    alone = torch.tensor([[torch.nan, 1.0], [torch.nan, torch.nan]])
    assert select(Preference(), alone, torch.Generator()).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize(
    ("keep", "of", "divergence", "mean"),
    [
        (1, 2, 0.193147, 0.666667),
        (1, 4, 0.636294, 0.8),
        (2, 4, 0.297055, 0.7),
        (1, 8, 1.204442, 0.888889),
        (2, 8, 0.831867, 0.833333),
        (3, 8, 0.581350, 0.777778),
        (1, 16, 1.835089, 0.941176),
        (10, 100, 2.019403, 0.945545),
        (25, 100, 1.226990, 0.871287),
        (50, 100, 0.603327, 0.747525),
    ],
)
def test_what_k_of_m_implies(keep, of, divergence, mean):
    law = implied(keep, of)
    assert law.divergence == pytest.approx(divergence, abs=1e-6)
    assert law.percentile == pytest.approx(mean, abs=1e-6)
    assert law.percentile == pytest.approx((2 * of - keep + 1) / (2 * (of + 1)))


def test_rounds_compose():
    assert implied(1, 3, rounds=2).divergence == pytest.approx(implied(1, 9).divergence, abs=1e-6)
    assert implied(1, 3, rounds=2).percentile == pytest.approx(implied(1, 9).percentile, abs=1e-9)
    assert accepted_below(accepted_below(0.9, 1, 3), 1, 3) == pytest.approx(0.9**9)
    assert acceptance(1.0, 2, 8) == 1.0 and acceptance(0.0, 2, 8) == 0.0


def test_the_measured_percentile_is_the_implied_one():
    generator = torch.Generator().manual_seed(1)
    reward = torch.rand(40_000, 8, generator=generator)
    kept = select(Top(2, 8), reward, generator)
    # Within its group the k best of m beat (2m - k - 1) / (2 (m - 1)) of the others.
    assert percentile(reward, kept) == pytest.approx((16 - 2 - 1) / 14, abs=1e-12)
    cdf = reward[kept]
    assert float(cdf.mean()) == pytest.approx(
        implied(2, 8).percentile, abs=5 * float(cdf.std()) / 80_000**0.5
    )
    assert math.isnan(percentile(reward, torch.zeros_like(kept)))
