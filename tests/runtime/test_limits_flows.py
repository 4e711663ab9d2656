"""Trained networks: closed forms of kernel Barlow Twins, drift against width, cosine against dot, principal components."""

import math

import numpy as np
import pytest
import torch

from gencc.runtime.errors import UserError
from gencc.runtime.limits import (
    barlow,
    distances,
    flows,
    infinite,
    kernels,
    losses,
    networks,
    points,
    principal,
    statistics,
)
from gencc.runtime.limits.records import Record

WIDTHS = (64, 256, 1024, 4096)


def exponent(values, logarithmic=True):
    return statistics.slope({m: [v] for m, v in zip(WIDTHS, values, strict=True)}, logarithmic).value


def ring():
    angles = np.deg2rad([0, 100, 20, 130])
    x = torch.from_numpy(math.sqrt(2) * np.stack([np.cos(angles), np.sin(angles)], 1))
    return infinite.limit_kernels(x, activation="relu")[1]


def test_kernel_barlow_twins_on_a_ring():
    gram = ring()
    upper = gram[torch.triu_indices(4, 4, 1).unbind()]
    golden = torch.tensor([0.079560, 0.889717, -0.056632, 0.253208, 0.801265, 0.016549])
    assert (upper - golden).abs().max() < 6e-7
    found = barlow.solve(gram, 2)
    assert (found.modes - torch.tensor([0.496456, 0.420034])).abs().max() < 6e-7
    assert abs(found.norm - 4.395033) < 6e-7
    outputs = found.outputs(gram)
    assert (losses.cross_moment(outputs) - torch.eye(2)).norm() < 1e-12
    products = outputs @ outputs.T
    assert abs(products[0, 2] - 2.007966) < 6e-7 and abs(products[1, 3] - 1.992034) < 6e-7
    assert abs(products[0, 1] - 0.051179) < 6e-7
    with pytest.raises(UserError, match="only 2 modes"):
        barlow.solve(gram, 3)


def sampled():
    """NNGP and tangent kernel of relu on 30 pairs that are not brought to the sphere."""
    draw = np.random.default_rng(0)
    anchors = draw.standard_normal((30, 20)) * np.linspace(2, 0.2, 20)
    pairs = np.concatenate([anchors, anchors + 0.3 * draw.standard_normal((30, 20))])
    return infinite.limit_kernels(torch.from_numpy(pairs), activation="relu")


def test_the_closed_form_has_zero_loss_and_the_smallest_norm():
    _, gram = sampled()
    found = barlow.solve(gram, 4)
    outputs = found.outputs(gram)
    assert (losses.cross_moment(outputs) - torch.eye(4)).norm() < 1e-12
    norm = float(torch.trace(found.coefficients.T @ gram @ found.coefficients))
    assert norm == pytest.approx(found.norm, rel=1e-12)
    values, vectors = torch.linalg.eigh(gram)
    root = vectors * values.clamp(min=0).sqrt()
    gamma = root.T @ torch.cat([root[30:], root[:30]]) / 60
    draw = np.random.default_rng(0)
    for _ in range(100):
        r = torch.from_numpy(draw.standard_normal((4, 60)))
        e, q = torch.linalg.eigh(r @ gamma @ r.T)
        if e[0] <= 0:
            continue
        other = (q / e.sqrt()) @ q.T @ r
        assert float(other.square().sum()) > found.norm * (1 - 1e-9)


def test_modes_are_learnt_at_the_predicted_times():
    """From an aligned start kernel flow follows s_j(t) exactly; each mode is half learnt at its step time."""
    _, gram = sampled()
    found = barlow.solve(gram, 4)
    sizes = torch.tensor([0.03, 0.02, 0.015, 0.01], dtype=torch.float64)
    unit = gram @ found.directions
    start = unit * sizes
    predicted = found.step_times(start)
    expected = -(sizes**2 * found.modes).log() / (8 * found.modes)
    assert (predicted / expected - 1).abs().max() < 1e-9
    record, outputs, step = Record(), start, 0.002
    for k in range(round(1.3 * float(predicted.max()) / step)):
        if k % 25 == 0:
            for j, value in enumerate(barlow.learnt(outputs)):
                record.follow(f"{j}", k * step, value)
        outputs = outputs - step * gram @ losses.BarlowTwins()(outputs)[1]
    seen = sorted(record.crossing(f"{j}", 0.5) for j in range(4))
    for time, at in zip(sorted(predicted.tolist()), seen, strict=True):
        assert at == pytest.approx(time, rel=0.01)


def test_the_ridge_solution_is_stationary():
    _, gram = sampled()
    ridge = 0.3 * float(barlow.solve(gram, 4).modes[-1])
    b = barlow.solve(gram, 4, ridge=ridge).coefficients
    still = gram @ (losses.BarlowTwins()(gram @ b)[1] + 2 * ridge * b)
    assert still.norm() / (gram @ b).norm() < 1e-11


def test_shrunk_starts_approach_the_closed_form_and_a_plain_one_does_not():
    nngp, gram = sampled()
    found = barlow.solve(gram, 4)
    reference = found.outputs(gram)
    draw = torch.from_numpy(np.random.default_rng(1).standard_normal((60, 4)))
    step, gaps = 0.02 / float(found.modes[0]) * 4, []
    for scale in (1e-2, 1e-4, 1e-6):
        end = flows.kernel_flow(
            gram, scale * gram @ draw, losses.BarlowTwins(), 30, step=step, time=6000 * step
        )
        assert losses.BarlowTwins()(end)[0] < 1e-10
        gaps.append(distances.procrustes(end, reference))
    assert gaps == pytest.approx([0.172, 0.0392, 0.0133], rel=0.03)
    plain = (
        torch.linalg.cholesky(nngp + 1e-12 * torch.eye(60)) @ draw
    )  # what an infinitely wide network outputs
    end = flows.kernel_flow(gram, plain, losses.BarlowTwins(), 30, step=step / 4, time=3000 * step)
    assert 0.3 < distances.procrustes(end, reference) < 2


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_barlow_twins_against_width(activation):
    """The acceptance numbers on generated pairs, and the inequalities of the derivation at every check."""
    loss, time, rows = losses.BarlowTwins(), 10.0, []
    for width in WIDTHS:
        drifts, weights, changes, linear_gaps, limit_gaps = [], [], [], [], []
        for seed in range(3):
            x = points.generated(32, 30, seed, points.Noise(0.3))
            net = networks.TwoLayer(activation, width, x, outputs=4, seed=seed)
            start, trace, full = net.outputs(), net.trace_kernel(), net.full_kernel()
            size, root = float(start.norm()), math.sqrt(loss(start)[0])
            path = []
            for t, value, outputs in flows.gradient(net, loss, step=0.05, time=time, checks=20):
                path.append((t, value, float(outputs.norm()), net.weight_change()))
                drift = distances.relative(net.trace_kernel(), trace)
            drifts.append(drift)
            weights.append(net.weight_change())
            changes.append(net.row_change())
            kappa = max(map(kernels.largest_eigenvalue, (full, net.full_kernel()))) / 60
            for (t, value, norm, moved), before in zip(path, [path[0], *path], strict=False):
                growth = 4 * kappa * root * t
                assert value <= before[1] + 1e-12
                assert norm <= size * math.exp(growth) * (1 + 1e-9)
                assert moved <= size * math.expm1(growth) / math.sqrt(kappa * 60) * (1 + 1e-9)
            linear = flows.kernel_flow(full, start, loss, 30, step=0.05, time=time)
            linear_gaps.append(distances.relative(outputs, linear))
            limit = infinite.limit_kernels(x.inputs, activation=activation)[1]
            ended = flows.kernel_flow(limit, start, loss, 30, step=0.05, time=time)
            limit_gaps.append(distances.relative(outputs, ended))
        rows.append([np.median(v) for v in (drifts, weights, changes, linear_gaps, limit_gaps)])
    drift, weight, row, linear, limit = (exponent(column) for column in zip(*rows, strict=True))
    assert -1.1 < drift < -0.7
    assert abs(weight) < 0.1
    assert -0.55 < row < -0.3
    assert -1.2 < linear < -0.65
    assert -0.7 < limit < -0.35


def contrast(loss, width, time, step=0.1, level=None):
    x = points.generated(32, 30, 0, points.Noise(0.3), negatives=True)
    net = networks.TwoLayer("tanh", width, x, outputs=8, seed=7)
    trace, record, outputs = net.trace_kernel(), Record(), net.outputs()
    for t, _, outputs in flows.gradient(net, loss, step=step, time=time, checks=round(time / step / 5)):
        record.largest("drift", t, distances.relative(net.trace_kernel(), trace))
        record.smallest("norm", t, float(outputs.norm(dim=1).min()))
        if level and record.numbers["drift"] > level:
            break
    return net, record, outputs


def test_cosine_keeps_the_kernel():
    """Drift like 1/M, weights moved independently of M and below the bound t sqrt(18 kappa) / min |f|."""
    loss, time, drifts, moved = losses.Cosine(losses.Linear()), 20.0, [], []
    for width in WIDTHS:
        net, record, _ = contrast(loss, width, time)
        drifts.append(record.numbers["drift"])
        moved.append(net.weight_change())
        kappa = kernels.largest_eigenvalue(net.full_kernel()) / 90
        assert moved[-1] <= time * math.sqrt(18 * kappa) / record.numbers["norm"]
    assert -1.15 < exponent(drifts) < -0.85
    assert abs(exponent(moved)) < 0.1


def test_dot_products_lose_the_kernel_at_the_predicted_time():
    loss, times = losses.Linear(), []
    for width in WIDTHS:
        _, record, _ = contrast(loss, width, 60.0, step=0.05, level=0.1)
        times.append(record.crossing("drift", 0.1))
    x = points.generated(32, 30, 0, points.Noise(0.3), negatives=True)
    rho = flows.growth_rate(infinite.limit_kernels(x.inputs, activation="tanh", nodes=40)[1], loss.moment(30))
    assert 0.8 < 2 * rho * exponent(times, logarithmic=False) < 1.2


def test_a_run_that_escapes_ends():
    _, _, outputs = contrast(losses.Linear(), 64, 400.0)
    assert outputs.norm() < flows.ESCAPED
    record = Record()
    record.largest("drift", 0.0, 0.1)
    record.largest("drift", 1.0, 1e7)
    record.largest("drift", 2.0, float("nan"))
    assert record.lost() and record.numbers["drift"] == 1.0


def test_a_step_that_is_too_long_is_refused():
    x = points.generated(32, 30, 0, points.Noise(0.3), negatives=True)
    net = networks.TwoLayer("tanh", 64, x, outputs=4, seed=0)
    kernel, start = net.trace_kernel(), net.outputs()
    for loss in (losses.BarlowTwins(), losses.Linear()):
        with pytest.raises(
            UserError, match=r"spec.gen:7: a step of 9 is too long here; the bound .* is \d\.\d"
        ):
            flows.check_step(9.0, loss, start, kernel, x.n, "spec.gen:7")
        flows.check_step(0.01, loss, start, kernel, x.n, "spec.gen:7")


def test_orthonormal_output_finds_principal_components_of_random_features():
    drifts, moved, apart = [], [], []
    for width in WIDTHS:
        x = points.generated(32, 30, 0, points.Noise(0.2), leading=3, negatives=True)
        net = principal.OrthonormalOutput("tanh", width, x, outputs=3, seed=0, loss=losses.Linear())
        for _ in net.flow(step=5.0, time=300.0):
            pass
        angles = net.angles()
        assert angles["angle.moved"] <= angles["angle.bound"]
        assert angles["angle.start"] <= angles["angle.now"] + angles["angle.moved"] + 1e-12
        drifts.append(net.feature_drift())
        moved.append(net.weight_change())
        apart.append(net.representation())
    assert -1.1 < exponent(drifts) < -0.9
    assert -0.6 < exponent(moved) < -0.4
    assert exponent(apart) < -0.75


def test_with_fixed_features_the_flow_ends_at_the_components():
    x = points.generated(32, 30, 0, points.Noise(0.2), leading=3, negatives=True)
    net = principal.OrthonormalOutput("tanh", 256, x, outputs=3, seed=0, loss=losses.Linear())
    for _ in net.flow(step=5.0, time=1000.0, learn=False):
        pass
    assert net.angles()["angle.start"] < 1e-6 and net.feature_drift() == 0
    features = net.start
    whole = features.T @ net.half @ features
    top = torch.linalg.eigh(whole)[1].flip(1)[:, :3].T
    assert distances.sine(net.components, top) < 1e-6


def test_the_bound_on_fresh_pairs_holds_and_is_loose():
    sizes, found = (50, 100, 200), []
    for n in sizes:
        x = points.generated(20, n, 3, points.Noise(0.2))
        gram = infinite.limit_kernels(x.inputs, activation="relu")[1]
        solution = barlow.solve(gram, 3)
        fresh = points.fresh_generated(20, 3, 2000, points.Noise(0.2))
        kernel = infinite.limit_kernels(fresh, x.inputs, activation="relu")[1]
        root = losses.BarlowTwins()(solution.outputs(kernel))[0] ** 0.5
        found.append(root)
        assert root <= solution.bound(0.05)
    assert found[0] > found[1] > found[2]
