"""Tangent kernels against Jacobians and known numbers; limit kernels against integrals and wide networks."""

import math

import numpy as np
import pytest
import torch

from gencc.runtime.limits import infinite, kernels, networks, points

ACTIVATIONS = ("tanh", "erf", "relu")
# d = M = K = 2; x = (1, 1), y = (1, 0)
V = torch.tensor([[1.0, 2.0], [-1.0, 3.0]], dtype=torch.float64)
W = torch.tensor([[1.0, -1.0], [2.0, 1.0]], dtype=torch.float64)
X = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
Y = torch.tensor([[1.0, 0.0]], dtype=torch.float64)


def drawn(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def jacobian(weights, x, activation, step=1e-6):
    """dF/dtheta (n K, P), one parameter at a time by central differences."""
    from gencc.runtime.limits.activations import ACTIVATIONS as phi

    def outputs(V, W):
        return phi[activation](x @ V.T / x.shape[1] ** 0.5)[0] @ W.T / len(V) ** 0.5

    columns = []
    for which, matrix in enumerate(weights):
        for index in np.ndindex(*matrix.shape):
            sides = []
            for sign in (step, -step):
                moved = [m.clone() for m in weights]
                moved[which][index] += sign
                sides.append(outputs(*moved))
            columns.append(((sides[0] - sides[1]) / (2 * step)).ravel())
    return torch.stack(columns, 1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_closed_form_is_the_jacobian_built_parameter_by_parameter(activation):
    weights = (drawn(40, 5), drawn(3, 40, seed=1))
    x, y = drawn(6, 5, seed=2), drawn(4, 5, seed=3)
    jx, jy = jacobian(weights, x, activation), jacobian(weights, y, activation)
    split = weights[0].numel()
    for layers, part in (
        ("both", slice(None)),
        ("first", slice(0, split)),
        ("last", slice(split, None)),
    ):
        whole = jx[:, part] @ jy[:, part].T
        full = kernels.full_kernel(*weights, x, y, activation=activation, layers=layers)
        trace = kernels.trace_kernel(*weights, x, y, activation=activation, layers=layers)
        assert (kernels.flat(full) - whole).abs().max() < 1e-9
        blocks = whole.reshape(6, 3, 4, 3)
        assert (trace - torch.einsum("ikjk->ij", blocks) / 3).abs().max() < 1e-9


@pytest.mark.parametrize("budget", [1, 3000, 1 << 29])
def test_chunks_of_neurons_and_strips_of_points_change_nothing(budget):
    weights, x = (drawn(50, 7), drawn(3, 50, seed=1)), drawn(90, 7, seed=2)
    other = x.clone()
    for layers in ("both", "first", "last"):
        trace = kernels.trace_kernel(*weights, x, layers=layers, budget=budget)
        full = kernels.full_kernel(*weights, x, layers=layers, budget=budget)
        assert (trace - kernels.trace_kernel(*weights, x, other, layers=layers)).abs().max() < 1e-13
        assert (full - kernels.full_kernel(*weights, x, other, layers=layers)).abs().max() < 1e-13
        for matrix in (trace, kernels.flat(full)):
            assert (matrix - matrix.T).abs().max() < 1e-13
        mean = torch.stack([full[k, k] for k in range(3)]).mean(0)
        assert (trace - mean).abs().max() < 1e-13


@pytest.mark.parametrize(
    ("activation", "blocks", "trace"),
    [
        ("relu", [[1, 0.5], [0.5, 1.75]], 1.375),
        ("tanh", [[0.067301, -0.015583], [-0.015583, 0.093666]], 0.080483),
    ],
)
def test_golden_numbers_of_a_network_of_two_neurons(activation, blocks, trace):
    full = kernels.full_kernel(V, W, X, Y, activation=activation)[:, :, 0, 0]
    assert (full - torch.tensor(blocks)).abs().max() < 6e-7
    assert abs(float(kernels.trace_kernel(V, W, X, Y, activation=activation)) - trace) < 6e-7


@pytest.mark.parametrize(
    ("q", "activation", "golden"),
    [
        ((1.0, 1.0, 0.5), "relu", (0.304499, 0.471166)),
        ((1.0, 1.0, 0.5), "erf", (0.216347, 0.441426)),
        ((1.0, 1.0, 0.5), "tanh", (0.186324, 0.378698)),
        ((1.5, 0.6, -0.3), "relu", (0.083602, 0.023964)),
        ((1.5, 0.6, -0.3), "erf", (-0.129657, -0.261137)),
        ((1.5, 0.6, -0.3), "tanh", (-0.111655, -0.224586)),
    ],
)
def test_golden_numbers_of_limit_kernels(q, activation, golden):
    qx, qy, inner = q
    x = torch.tensor([[math.sqrt(2 * qx), 0.0]], dtype=torch.float64)
    y = torch.tensor(
        [[inner / qx * math.sqrt(2 * qx), math.sqrt(2 * (qy - inner**2 / qx))]], dtype=torch.float64
    )
    nngp, ntk = infinite.limit_kernels(x, y, activation=activation, nodes=120)
    assert abs(float(nngp) - golden[0]) < 6e-7 and abs(float(ntk) - golden[1]) < 6e-7


def test_quadrature_agrees_with_the_closed_form_of_erf_and_with_itself():
    x = torch.from_numpy(points.sphere(np.random.default_rng(0).standard_normal((12, 64))))
    inner, q = (x @ x.T / 64).flatten(), torch.ones(144, dtype=torch.float64)
    nngp, slope = infinite.integrate(inner, q, q, "erf", 80)
    closed = infinite.limit_kernels(x, activation="erf")
    assert (nngp - closed[0].flatten()).abs().max() < 1e-10
    assert (nngp + inner * slope - closed[1].flatten()).abs().max() < 1e-10
    coarse, fine = (infinite.limit_kernels(x, activation="tanh", nodes=n) for n in (80, 120))
    assert max((a - b).abs().max() for a, b in zip(coarse, fine, strict=True)) < 2e-8
    square = infinite.limit_kernels(x, x.clone(), activation="tanh")
    assert max((a - b).abs().max() for a, b in zip(coarse, square, strict=True)) < 1e-14


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_wide_network_is_near_its_limit(activation):
    """Relative gap 5/sqrt M; it was 1.5/sqrt M at most in the method's own check, so a false alarm is out of reach."""
    x = torch.from_numpy(points.sphere(np.random.default_rng(0).standard_normal((10, 16))))
    width = 40_000
    found = kernels.trace_kernel(drawn(width, 16, seed=1), drawn(4, width, seed=2), x, activation=activation)
    limit = infinite.limit_kernels(x, activation=activation)[1]
    assert (found - limit).norm() / limit.norm() < 5 / math.sqrt(width)
    assert torch.linalg.eigvalsh(limit)[0] > -1e-9


def test_coordinates_of_the_span_are_exact():
    """Networks learn the same on all coordinates as on those of the inputs' span, and agree off the points too."""
    from gencc.runtime.limits import flows, losses

    x = points.generated(200, 10, 0, points.Noise(0.3))
    assert x.coordinates.shape == (20, 20)
    whole = points.Points(x.inputs, x.n, x.inputs, torch.eye(200, dtype=torch.float64))
    fresh = points.fresh_generated(200, 0, 5, points.Noise(0.3))
    nets = [networks.TwoLayer("tanh", 30, p, outputs=3, seed=1, shrink=0.5) for p in (x, whole)]
    for net in nets:
        for _ in flows.gradient(net, losses.BarlowTwins(), step=0.05, time=2.0):
            pass
    assert (nets[0].outputs() - nets[1].outputs()).abs().max() < 1e-12
    assert (nets[0].at(fresh) - nets[1].at(fresh)).abs().max() < 1e-12
    assert (nets[0].at(x.inputs) - nets[0].outputs()).abs().max() < 1e-12
    assert (nets[0].trace_kernel() - nets[1].trace_kernel()).abs().max() < 1e-12
    assert nets[0].weight_change() == pytest.approx(nets[1].weight_change(), rel=1e-10)
    assert nets[0].row_change() == pytest.approx(nets[1].row_change(), rel=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_deeper_networks(activation):
    """Layer by layer, within any budget, as autodiff has it; two layers as the closed form has it; wide ones near the limit."""
    from torch.func import jacrev, vmap

    from gencc.runtime.limits import deep
    from gencc.runtime.limits.activations import ACTIVATIONS as phi

    x = points.generated(12, 5, 0, points.Noise(0.3))
    net = deep.Mlp(activation, 20, x, layers=4, outputs=3, seed=0)

    def single(weights, row):
        for k, weight in enumerate(weights):
            row = weight @ row / (12 if k == 0 else 20) ** 0.5
            if k < 3:
                row = phi[activation](row)[0]
        return row

    parts = vmap(jacrev(single), (None, 0))(net.weights, x.coordinates)
    jacobian = torch.cat([p.flatten(2) for p in parts], 2)
    whole = torch.einsum("iap,jbp->abij", jacobian, jacobian)
    assert (net.full_kernel() - whole).abs().max() < 1e-12
    mean = torch.einsum("aaij->ij", whole) / 3
    for budget in (1, 4000, 1 << 29):
        net.budget = budget
        assert (net.trace_kernel() - mean).abs().max() < 1e-12
    gradient = drawn(10, 3, seed=9)
    moved = torch.einsum("iap,ia->p", jacobian, gradient)
    before = torch.cat([w.flatten() for w in net.weights])
    net.forward()[1](gradient, 1e-3)
    assert (torch.cat([w.flatten() for w in net.weights]) - before + 1e-3 * moved).abs().max() < 1e-15
    assert (net.at(x.inputs) - net.outputs()).abs().max() < 1e-12
    two = [deep.Mlp(activation, 20, x, layers=2, outputs=3, seed=0, shrink=0.5)]
    two.append(networks.TwoLayer(activation, 20, x, outputs=3, seed=0, shrink=0.5))
    assert (two[0].outputs() - two[1].outputs()).abs().max() < 1e-12
    assert (two[0].trace_kernel() - two[1].trace_kernel()).abs().max() < 1e-12
    wide = deep.Mlp(activation, 3000, x, layers=3, outputs=3, seed=1).trace_kernel()
    limit = infinite.limit_kernels(x.coordinates, activation=activation, size=12, hidden=2)[1]
    assert (wide - limit).norm() / limit.norm() < 5 / math.sqrt(3000)


@pytest.mark.parametrize("budget", [1, 6000, 40_000, 1 << 29])
def test_autodiff_within_any_budget_is_the_closed_form(budget):
    from gencc.runtime.limits import deep, empirical
    from gencc.runtime.limits.activations import ACTIVATIONS as phi

    x = points.generated(12, 4, 0, points.Noise(0.3))
    net = deep.Mlp("tanh", 10, x, layers=3, outputs=3, seed=0)

    def outputs(weights, example):
        h = x.coordinates[example]
        for k in range(3):
            h = weights[str(k)] @ h / (12 if k == 0 else 10) ** 0.5
            h = phi["tanh"](h)[0] if k < 2 else h
        return h

    weights = {str(k): w for k, w in enumerate(net.weights)}
    trace = empirical.tangent_kernel(outputs, weights, 8, budget=budget)
    full = empirical.tangent_kernel(outputs, weights, 8, full=True, budget=budget)
    assert (trace - net.trace_kernel()).abs().max() < 1e-13
    assert (full - net.full_kernel()).abs().max() < 1e-13
