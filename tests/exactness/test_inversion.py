"""Inversion of flows against the closed forms of linear ones (arXiv 2510.02692, section 4).

Noise is at inner step N, data at 0: forward step k of the closed forms, from noise at time 0, is inner step N - k.
Statistical comparisons are at 5 standard errors, seeds fixed.
"""

import math

import numpy as np
import pytest
import torch
from emitted import module

from gencc.runtime import inversion
from gencc.runtime.errors import UserError
from gencc.runtime.sites import Examples

N, MEAN, STD = 50, 1.3, 0.6
K = np.arange(N) / N
ALPHA = (K * STD**2 - (1 - K)) / ((1 - K) ** 2 + K**2 * STD**2)
BETA = MEAN - ALPHA * K * MEAN
SEVEN = torch.tensor(MEAN + STD * np.arange(-3, 4), dtype=torch.float64)[:, None]
ROWS = [
    (0.0, 0.0, 0.58354540, 1.3, 0.0, 1.02819764, 0.00078779),
    (0.25, -0.4, 0.75085951, 1.05723862, 0.32331132, 0.79908424, 0.09582182),
    (-0.5, 0.3, 0.35110431, 1.24221679, 0.16457563, 1.70889388, 0.43785541),
]


def linear(more=0.0, shift=0.0, late=0):
    """A linear velocity with errors; ``late`` reads the table that many steps off."""

    def velocity(x, n):
        k = min(N - n + late, N - 1)
        return -((ALPHA[k] + more) * x + BETA[k] + shift)

    return velocity


@pytest.mark.parametrize("row", ROWS)
def test_linear_flows(row):
    more, shift, a, b, mean, std, divergence = row
    velocity = linear(more, shift)
    z = torch.linspace(-2, 2, 5, dtype=torch.float64)[:, None]
    assert torch.allclose(inversion.sample(velocity, z, N), a * z + b, atol=2e-8)
    found = inversion.invert(velocity, SEVEN, N, 40, 1e-14)
    assert torch.allclose(found.noise, (SEVEN - b) / a, atol=1e-7)
    assert float((MEAN - b) / a) == pytest.approx(mean, abs=1e-7) and STD / a == pytest.approx(std, abs=1e-7)
    g = torch.Generator().manual_seed(0)
    noise = mean + std * torch.randn(400_000, 1, generator=g, dtype=torch.float64)
    assert inversion.normal_divergence(noise) == pytest.approx(
        divergence, abs=5 * 2 * std / math.sqrt(400_000)
    )
    assert inversion.again(velocity, noise[:50], N, 40, 1e-14) < 1e-10


@pytest.mark.parametrize(
    ("iterations", "error"), [(1, 2.330e-2), (2, 3.161e-4), (3, 6.489e-6), (5, 2.637e-9)]
)
def test_round_trip_errors_fall_as_the_contraction_says(iterations, error):
    velocity = linear(0.25, -0.4)
    found = inversion.invert(velocity, SEVEN, N, iterations, 0.0)
    assert inversion.round_trip(velocity, found, SEVEN, N) == pytest.approx(error, rel=5e-3)
    assert found.iterations == iterations
    if iterations > 2:
        assert found.contraction == pytest.approx(np.abs(ALPHA + 0.25).max() / N, rel=0.02)


def test_the_wrong_time_inverts_another_map():
    """Whatever the iterations: at one step later the error stays."""
    for iterations in (3, 10, 30):
        found = inversion.invert(linear(0.25, -0.4, late=1), SEVEN, N, iterations, 1e-14)
        assert inversion.round_trip(linear(0.25, -0.4), found, SEVEN, N) == pytest.approx(0.0831, abs=5e-5)
    right = inversion.invert(linear(0.25, -0.4), SEVEN, N, 12, 1e-14)
    assert inversion.round_trip(linear(0.25, -0.4), right, SEVEN, N) < 1e-14


def test_a_matrix_flow():
    g = torch.Generator().manual_seed(0)
    rates = 0.5 * torch.randn(N + 1, 3, 3, generator=g, dtype=torch.float64)
    shifts = torch.randn(N + 1, 3, generator=g, dtype=torch.float64)
    z = torch.randn(8, 3, generator=g, dtype=torch.float64)

    def velocity(x, n):
        return x @ rates[n].T + shifts[n]

    data = inversion.sample(velocity, z, N)
    assert torch.allclose(inversion.invert(velocity, data, N, 60, 1e-15).noise, z, atol=1e-10)


def test_it_refuses_where_the_iteration_does_not_contract():
    """Steps of 1.2 times the slope: the inverse exists, the iteration diverges."""
    with pytest.raises(UserError, match=r"inner step 1 of 1 does not contract .* Use more steps"):
        inversion.invert(lambda x, n: -1.2 * x, torch.ones(3, 1), 1, 60, 1e-6)
    assert inversion.invert(lambda x, n: -1.2 * x, torch.ones(3, 1), 2, 60, 1e-6).residual <= 1e-6


FLOW = """spec example
spot : real(1)
forward {{ rounds = 1, order = all(spot), noise spot = flow(steps = {steps}) }}
denoiser exact(mixture = [component(1.0, [normal({mean}, {std})])])
predict spot by {target}
correct inverse_noise {{ invert = backward_euler(steps = {steps}) }}
"""


@pytest.mark.parametrize("target", ["velocity", "x0"])
def test_the_emitted_velocity_is_that_of_the_emitted_sampler(target):
    found = module(FLOW.format(steps=50, mean=MEAN, std=STD, target=target))
    model, g = found.Example(), torch.Generator().manual_seed(0)
    noise = torch.randn(64, 1, 1, generator=g)
    sampled = model.denoise(Examples({"spot": noise}, {}), {}, g).values["spot"]
    assert torch.allclose(inversion.sample(model.velocity, noise, 50), sampled, atol=1e-5)
    inverse = inversion.invert(model.velocity, sampled, 50, 30, 1e-6)
    assert torch.allclose(inverse.noise, noise, atol=1e-4)


def test_a_flow_with_errors_is_corrected():
    """Noise drawn from the inverse noise's law by an exact flow of its own: what the flow makes of it is the data's law."""
    more, shift, a, b, mean, std, _ = ROWS[1]
    corrector = module(FLOW.format(steps=400, mean=mean, std=std, target="velocity")).Example()
    count, g = 200_000, torch.Generator().manual_seed(0)
    noise = corrector.sample(Examples({"": torch.zeros(count, 1)}, {}), {}, g).values["spot"].double()
    out = inversion.sample(linear(more, shift), noise, N)
    assert float(out.mean()) == pytest.approx(MEAN, abs=5 * STD / math.sqrt(count) + 1e-3)
    assert float(out.std()) == pytest.approx(
        STD, abs=5 * STD / math.sqrt(2 * count) + 3e-3
    )  # 400 Euler steps
    plain = inversion.sample(linear(more, shift), torch.randn(count, 1, generator=g, dtype=torch.float64), N)
    assert abs(float(plain.mean()) - b) < 0.01 and abs(float(plain.std()) - a) < 0.01
