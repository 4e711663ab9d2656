"""Losses: every gradient by finite differences, stationary points, and bounds."""

import numpy as np
import pytest
import torch

from gencc.runtime.limits import losses

LOSSES = [
    losses.BarlowTwins(),
    losses.BarlowTwins(lam=0.005),
    losses.BatchBarlowTwins(),
    losses.Linear(),
    losses.Linear(views=2),
    losses.Cosine(losses.Linear()),
    losses.Triplet(),
    losses.Cosine(losses.Triplet(margin=0.4)),
    losses.InfoNce(tau=1.0),
    losses.Cosine(losses.InfoNce()),
    losses.Spectral(),
    losses.Cosine(losses.Spectral()),
    losses.PairedSpectral(),
    losses.Vicreg(),
    losses.Vicreg(halve=True),
]


def drawn(n, k, seed=1):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, k)))


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_every_entry_of_the_gradient(loss):
    outputs = drawn(9 * loss.views, 4)
    _, gradient = loss(outputs)
    for index in np.ndindex(*outputs.shape):
        sides = []
        for step in (1e-6, -1e-6):
            moved = outputs.clone()
            moved[index] += step
            sides.append(loss(moved)[0])
        assert abs((sides[0] - sides[1]) / 2e-6 - gradient[index]) < 1e-7


@pytest.mark.parametrize("loss", [x for x in LOSSES if not isinstance(x, losses.Cosine)], ids=repr)
def test_zero_outputs_are_stationary(loss):
    zero = torch.zeros(9 * loss.views, 4, dtype=torch.float64)
    assert not loss(zero)[1].any()


def test_a_loss_may_read_fewer_views_than_there_are():
    outputs = drawn(27, 4)
    value, gradient = losses.evaluate(losses.BarlowTwins(), outputs, 9)
    assert value == losses.BarlowTwins()(outputs[:18])[0]
    assert not gradient[18:].any() and gradient[:18].any()


def test_bounds():
    """A loss that says it is unbounded falls below anything; the all-pairs spectral form stays above -n."""
    f = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    away = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert losses.PairedSpectral()(torch.cat([30 * f, 30 * f, away]))[0] == -1800
    assert losses.Linear()(torch.cat([30 * f, 30 * f, away]))[0] == -900
    outputs = drawn(18, 4)
    p, q = outputs.chunk(2)
    gap = (p @ q.T / 9 - torch.eye(9)).norm() ** 2 - 9
    assert losses.Spectral()(outputs)[0] == pytest.approx(float(gap), abs=1e-12)
    assert [x.bounded for x in LOSSES if not x.bounded] == [False] * 3
    assert {repr(x) for x in LOSSES if not x.bounded} == {
        "Linear(views=3)",
        "Linear(views=2)",
        "PairedSpectral()",
    }


def test_the_moment_matrix_is_the_linear_loss():
    for loss in (losses.Linear(), losses.Linear(views=2)):
        outputs = drawn(9 * loss.views, 4)
        value, gradient = loss(outputs)
        s = loss.moment(9)
        assert value == pytest.approx(-0.5 * float(torch.trace(outputs.T @ s @ outputs)), abs=1e-12)
        assert (gradient + s @ outputs).abs().max() < 1e-12


def test_the_gradient_of_barlow_twins_is_bounded_by_the_outputs():
    for lam in (1.0, 0.1):
        outputs = drawn(18, 4)
        value, gradient = losses.BarlowTwins(lam=lam)(outputs)
        assert gradient.norm() <= 2 * value**0.5 / 9 * outputs.norm()
