"""pca_contrastive: what wide self-supervised networks do to their tangent kernels, and what they learn.

    python analyse.py --seeds 1 --widths 64,256,1024 --out runs/short

An interrupted study goes on where it was.
After arXiv 2403.08673 (contrastive models, tangent kernels and principal components); no theorem is reproduced.

Compiled from pca_contrastive.gen (sha256 d9dadb5e5b21) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from gencc.runtime import training
from gencc.runtime.limits import expectations, losses, points, principal, studies
from gencc.runtime.limits.records import Record


# limit images  (pca_contrastive.gen:10)
@cache
def images_points(seed: int) -> points.Points:
    """60 triples of MNIST images; stacked views, rows of length sqrt d."""
    return points.of_images(
        points.mnist(), 60, seed, points.Shift(2), points.Noise(0.1, clip=True), negatives=True
    )  # pca_contrastive.gen:14


def images(loss: losses.Linear, width: int, seed: int) -> Record:
    """f(x) = W h(x), 3 orthonormal rows W, h(x) = tanh(V x / sqrt d) / sqrt M; both learn."""
    x = images_points(seed)
    net = principal.OrthonormalOutput(
        "tanh", width, x, outputs=3, seed=seed, loss=loss
    )  # pca_contrastive.gen:11
    record = Record()
    for t, value in net.flow(step=10.0, time=1000.0):  # pca_contrastive.gen:16
        record.follow("loss", t, value)
        record.follow("feature_drift", t, net.feature_drift())
    record["feature_drift"] = net.feature_drift()
    record["weight_change"] = net.weight_change()
    record.update(net.angles())
    record["representation.random_features"] = net.representation()
    record["gap"] = net.gap()
    return record


# limit clear_gap  (pca_contrastive.gen:23)
@cache
def clear_gap_points(seed: int) -> points.Points:
    """30 triples of generated vectors; stacked views, rows of length sqrt d."""
    return points.generated(
        32, 30, seed, points.Noise(0.2), leading=3, negatives=True
    )  # pca_contrastive.gen:27


def clear_gap(loss: losses.Linear, width: int, seed: int) -> Record:
    """f(x) = W h(x), 3 orthonormal rows W, h(x) = tanh(V x / sqrt d) / sqrt M; both learn."""
    x = clear_gap_points(seed)
    net = principal.OrthonormalOutput(
        "tanh", width, x, outputs=3, seed=seed, loss=loss
    )  # pca_contrastive.gen:24
    record = Record()
    for t, value in net.flow(step=5.0, time=300.0):  # pca_contrastive.gen:29
        record.follow("loss", t, value)
        record.follow("feature_drift", t, net.feature_drift())
    record["feature_drift"] = net.feature_drift()
    record["weight_change"] = net.weight_change()
    record.update(net.angles())
    record["representation.random_features"] = net.representation()
    record["gap"] = net.gap()
    return record


def main() -> None:
    study = studies.begin(__doc__, Path(__file__).parent, out="runs/pca_contrastive")
    study.limit(
        "images",
        images,
        losses={"contrastive": losses.Linear()},  # pca_contrastive.gen:12
        widths=(64, 256, 1024, 4096, 8192),
        seeds=3,
        time=1000.0,
        expect=[
            expectations.slope("feature_drift", -1.15, -0.85),
            expectations.slope("weight_change", -0.6, -0.4),
        ],
    )
    study.limit(
        "clear_gap",
        clear_gap,
        losses={"contrastive": losses.Linear()},  # pca_contrastive.gen:25
        widths=(64, 256, 1024, 4096, 8192),
        seeds=3,
        time=300.0,
        expect=[
            expectations.slope("feature_drift", -1.1, -0.9),
            expectations.slope("representation.random_features", -1.15, -0.8),
        ],
    )
    study.report()


if __name__ == "__main__":
    training.main(main)
