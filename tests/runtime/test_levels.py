"""Advice on the level, where the answer is known: a normal reward of which a share ab is decided by the state."""

import pytest
import torch

from gencc.runtime.shaping.levels import correlation, kept
from gencc.runtime.shaping.selection import Preference, Top, select


@pytest.mark.parametrize("ab", [0.0, 0.25, 0.49, 0.9])
@pytest.mark.parametrize("rule", [Top(2, 8), Top(1, 4), Preference()])
def test_correlation_and_gain_kept_are_the_share_that_the_state_decides(ab, rule):
    """A linear reward keeps exactly ab.  Conditions differ, and do not matter.  At 5 standard errors, a seed fixed."""
    g, groups = torch.Generator().manual_seed(0), 40_000 // rule.of
    state = torch.randn(groups, rule.of, generator=g)
    condition = 10 * torch.randn(groups, 1, generator=g)
    first, second = (
        condition + ab**0.5 * state + (1 - ab) ** 0.5 * torch.randn(groups, rule.of, generator=g)
        for _ in range(2)
    )
    assert correlation(first, second) == pytest.approx(ab, abs=5 * 1.5 / 40_000**0.5)
    share, error = kept(first, second, select(rule, first, g))
    assert 0.001 < error < 0.05 and abs(share - ab) < 5 * error
