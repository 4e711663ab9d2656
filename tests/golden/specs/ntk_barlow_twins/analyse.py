"""ntk_barlow_twins: what wide self-supervised networks do to their tangent kernels, and what they learn.

    python analyse.py --seeds 1 --widths 64,256,1024 --out runs/short

An interrupted study goes on where it was.
After arXiv 2411.11176 (infinite width limits of self-supervised networks); no theorem is reproduced.

Compiled from ntk_barlow_twins.gen (sha256 c3bec440ecb4) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torch import Tensor

from gencc.runtime import training
from gencc.runtime.limits import (
    barlow,
    distances,
    expectations,
    flows,
    infinite,
    losses,
    networks,
    points,
    studies,
)
from gencc.runtime.limits.records import Record


# limit plain_start  (ntk_barlow_twins.gen:9)
@cache
def plain_start_points(seed: int) -> points.Points:
    """60 pairs of MNIST images; stacked views, rows of length sqrt d."""
    return points.of_images(
        points.mnist(), 60, seed, points.Shift(2), points.Noise(0.1, clip=True)
    )  # ntk_barlow_twins.gen:13


@cache
def plain_start_limit(seed: int) -> Tensor:
    """The tangent kernel of the infinitely wide network on the same points, the same for every output."""
    x = plain_start_points(seed)
    return infinite.limit_kernels(x.coordinates, activation="tanh", size=x.size)[1]


def plain_start(loss: losses.Loss, width: int, seed: int) -> Record:
    """f(x) = W tanh(V x / sqrt d) / sqrt M, 4 outputs; both layers learn."""
    x = plain_start_points(seed)
    net = networks.TwoLayer("tanh", width, x, outputs=4, seed=seed)  # ntk_barlow_twins.gen:10
    start, trace, full = net.outputs(), net.trace_kernel(), net.full_kernel()
    flows.check_step(0.05, loss, start, trace, x.n, "ntk_barlow_twins.gen:15")
    record = Record()
    for t, value, outputs in flows.gradient(net, loss, step=0.05, time=10.0):  # ntk_barlow_twins.gen:15
        record.follow("loss", t, value)
        record.largest("drift", t, distances.relative(net.trace_kernel(), trace))
    record["loss"] = value
    record["drift.full"] = distances.relative(net.full_kernel(), full)
    record["weight_change"] = net.weight_change()
    record["row_change"] = net.row_change()
    linear = flows.kernel_flow(full, start, loss, x.n, step=0.05, time=10.0)
    record["representation.linearized"] = distances.relative(outputs, linear)
    limit = flows.kernel_flow(plain_start_limit(seed), start, loss, x.n, step=0.05, time=10.0)
    record["representation.kernel_flow"] = distances.relative(outputs, limit)
    return record


# limit shrunk_start  (ntk_barlow_twins.gen:29)
@cache
def shrunk_start_points(seed: int) -> points.Points:
    """60 pairs of MNIST images; stacked views, rows of length sqrt d."""
    return points.of_images(
        points.mnist(), 60, seed, points.Shift(2), points.Noise(0.1, clip=True)
    )  # ntk_barlow_twins.gen:33


@cache
def shrunk_start_limit(seed: int) -> Tensor:
    """The tangent kernel of the infinitely wide network on the same points, the same for every output."""
    x = shrunk_start_points(seed)
    return infinite.limit_kernels(x.coordinates, activation="tanh", size=x.size)[1]


@cache
def shrunk_start_solution(seed: int) -> barlow.Solution:
    """Kernel Barlow Twins in closed form: zero loss with the smallest norm."""
    return barlow.solve(shrunk_start_limit(seed), outputs=4)


@cache
def shrunk_start_fresh(seed: int) -> tuple[Tensor, Tensor]:
    """500 fresh pairs, and the outputs of the kernel solution on them."""
    x = shrunk_start_points(seed)
    fresh = points.fresh_images(points.mnist(), 60, seed, 500, points.Shift(2), points.Noise(0.1, clip=True))
    kernel = infinite.limit_kernels(fresh, x.inputs, activation="tanh")[1]
    return fresh, shrunk_start_solution(seed).outputs(kernel)


def shrunk_start(loss: losses.Loss, width: int, seed: int) -> Record:
    """f(x) = W tanh(V x / sqrt d) / sqrt M, 4 outputs; both layers learn; f - (1 - 0.0001) f_0 is learnt."""
    x = shrunk_start_points(seed)
    net = networks.TwoLayer("tanh", width, x, outputs=4, seed=seed, shrink=0.0001)  # ntk_barlow_twins.gen:30
    start, trace = net.outputs(), net.trace_kernel()
    flows.check_step(0.25, loss, start, trace, x.n, "ntk_barlow_twins.gen:35")
    record = Record()
    for t, value, outputs in flows.gradient(net, loss, step=0.25, time=200.0):  # ntk_barlow_twins.gen:35
        record.follow("loss", t, value)
        record.largest("drift", t, distances.relative(net.trace_kernel(), trace))
        for j, learnt in enumerate(barlow.learnt(outputs), 1):
            record.follow(f"modes.{j}", t, learnt)
    record["loss"] = value
    record["weight_change"] = net.weight_change()
    solution = shrunk_start_solution(seed)
    record["representation.closed_form"] = distances.procrustes(
        outputs, solution.outputs(shrunk_start_limit(seed))
    )
    for j, (g, t) in enumerate(zip(solution.modes, solution.step_times(start)), 1):
        record[f"spectrum.g{j}"] = float(g)
        record[f"spectrum.predicted{j}"] = float(t)
        record[f"spectrum.seen{j}"] = record.crossing(f"modes.{j}", 0.5)
    fresh, by_kernel = shrunk_start_fresh(seed)
    record["generalisation.network"] = loss(net.at(fresh))[0] ** 0.5  # sqrt L on fresh pairs
    record["generalisation.kernel"] = loss(by_kernel)[0] ** 0.5
    record["generalisation.bound"] = solution.bound(delta=0.05)
    return record


def main() -> None:
    study = studies.begin(__doc__, Path(__file__).parent, out="runs/ntk_barlow_twins")
    study.limit(
        "plain_start",
        plain_start,
        losses={"barlow_twins": losses.BarlowTwins(lam=1.0)},  # ntk_barlow_twins.gen:12
        widths=(64, 256, 1024, 4096, 8192),
        seeds=3,
        time=10.0,
        expect=[
            expectations.slope("drift", -1.1, -0.7),
            expectations.slope("weight_change", -0.1, 0.1),
            expectations.slope("row_change", -0.55, -0.3),
            expectations.slope("representation.linearized", -1.2, -0.65),
            expectations.slope("representation.kernel_flow", -0.7, -0.35),
            expectations.constant("drift"),
        ],
    )
    study.limit(
        "shrunk_start",
        shrunk_start,
        losses={"barlow_twins": losses.BarlowTwins(lam=1.0)},  # ntk_barlow_twins.gen:32
        widths=(64, 128, 256, 1024, 2048),
        seeds=3,
        time=200.0,
        expect=[expectations.slope("drift", -1.1, -0.7), expectations.constant("drift")],
    )
    study.report()


if __name__ == "__main__":
    training.main(main)
