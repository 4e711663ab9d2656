"""ntk_contrastive: what wide self-supervised networks do to their tangent kernels, and what they learn.

    python analyse.py --seeds 1 --widths 64,256,1024 --out runs/short

An interrupted study goes on where it was.
After arXiv 2403.08673 (contrastive models, tangent kernels and principal components); no theorem is reproduced.

Compiled from ntk_contrastive.gen (sha256 d8cb4c77e16e) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from torch import Tensor

from gencc.runtime import training
from gencc.runtime.limits import distances, expectations, flows, infinite, losses, networks, points, studies
from gencc.runtime.limits.records import Record


# limit similarity  (ntk_contrastive.gen:10)
@cache
def similarity_points(seed: int) -> points.Points:
    """60 triples of MNIST images; stacked views, rows of length sqrt d."""
    return points.of_images(
        points.mnist(), 60, seed, points.Shift(2), points.Noise(0.1, clip=True), negatives=True
    )  # ntk_contrastive.gen:13


@cache
def similarity_limit(seed: int) -> Tensor:
    """The tangent kernel of the infinitely wide network on the same points, the same for every output."""
    x = similarity_points(seed)
    return infinite.limit_kernels(x.coordinates, activation="tanh", size=x.size)[1]


def similarity(loss: losses.Loss, width: int, seed: int) -> Record:
    """f(x) = W tanh(V x / sqrt d) / sqrt M, 8 outputs; both layers learn."""
    x = similarity_points(seed)
    net = networks.TwoLayer("tanh", width, x, outputs=8, seed=seed)  # ntk_contrastive.gen:11
    start, trace = net.outputs(), net.trace_kernel()
    flows.check_step(0.08, loss, start, trace, x.n, "ntk_contrastive.gen:15")
    record = Record()
    if not loss.bounded:
        record["rho"] = flows.growth_rate(similarity_limit(seed), loss.moment(x.n))
    for t, value, outputs in flows.gradient(net, loss, step=0.08, time=40.0):  # ntk_contrastive.gen:15
        record.follow("loss", t, value)
        record.largest("drift", t, distances.relative(net.trace_kernel(), trace))
        record.smallest("output_norm", t, float(outputs.norm(dim=1).min()))
        if record.lost():  # what follows depends on rounding
            break
    record["crossing"] = record.crossing("drift", 0.1)
    if record.lost():
        return record
    record["loss"] = value
    record["weight_change"] = net.weight_change()
    return record


# limit bounded_dot  (ntk_contrastive.gen:28)
@cache
def bounded_dot_points(seed: int) -> points.Points:
    """60 triples of MNIST images; stacked views, rows of length sqrt d."""
    return points.of_images(
        points.mnist(), 60, seed, points.Shift(2), points.Noise(0.1, clip=True), negatives=True
    )  # ntk_contrastive.gen:31


def bounded_dot(loss: losses.Loss, width: int, seed: int) -> Record:
    """f(x) = W tanh(V x / sqrt d) / sqrt M, 8 outputs; both layers learn."""
    x = bounded_dot_points(seed)
    net = networks.TwoLayer("tanh", width, x, outputs=8, seed=seed)  # ntk_contrastive.gen:29
    start, trace = net.outputs(), net.trace_kernel()
    flows.check_step(0.08, loss, start, trace, x.n, "ntk_contrastive.gen:33")
    record = Record()
    for t, value, outputs in flows.gradient(net, loss, step=0.08, time=40.0):  # ntk_contrastive.gen:33
        record.follow("loss", t, value)
        record.largest("drift", t, distances.relative(net.trace_kernel(), trace))
    record["loss"] = value
    record["weight_change"] = net.weight_change()
    return record


def main() -> None:
    study = studies.begin(__doc__, Path(__file__).parent, out="runs/ntk_contrastive")
    study.limit(
        "similarity",
        similarity,
        losses={"cosine": losses.Cosine(losses.Linear()), "dot": losses.Linear()},  # ntk_contrastive.gen:12
        widths=(64, 128, 256, 512, 1024, 2048),
        seeds=3,
        time=40.0,
        expect=[
            expectations.constant("drift", of="cosine"),
            expectations.slope("drift", -1.15, -0.8, of="cosine"),
            expectations.slope("weight_change", -0.1, 0.1, of="cosine"),
            expectations.moving("drift", of="dot"),
            expectations.ratio("crossing", 0.8, 1.2, of="dot"),
        ],
    )
    study.limit(
        "bounded_dot",
        bounded_dot,
        losses={
            "triplet": losses.Triplet(margin=1.0),
            "infonce": losses.InfoNce(tau=1.0),
            "spectral": losses.Spectral(),
        },  # ntk_contrastive.gen:30
        widths=(64, 128, 256, 512, 1024),
        seeds=3,
        time=40.0,
        expect=[expectations.constant("drift")],
    )
    study.report()


if __name__ == "__main__":
    training.main(main)
