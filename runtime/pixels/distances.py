"""Distances between two sets of feature vectors."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def frechet(a: Tensor, b: Tensor) -> float:
    """Squared Frechet (Wasserstein-2) distance between the normal laws with the means and covariances of ``a`` (n, d) and
    ``b`` (m, d) (FID, arXiv 1706.08500); nan of a single vector, which has no covariance."""
    if min(len(a), len(b)) < 2:
        return math.nan
    a, b = a.double(), b.double()
    d = a.shape[1]
    first, second = torch.cov(a.T).reshape(d, d), torch.cov(b.T).reshape(d, d)
    root = _root(first)
    cross = torch.linalg.eigvalsh(root @ second @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean(0) - b.mean(0)).square().sum()
    return float((apart + first.trace() + second.trace() - 2 * cross).clamp_min(0))


def _root(matrix: Tensor) -> Tensor:
    """The symmetric square root of a positive semidefinite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    out: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return out


def precision_recall(samples: Tensor, real: Tensor, k: int = 3) -> tuple[float, float]:
    """The share of ``samples`` (n, d) inside the manifold of ``real`` (m, d), and the other way round (arXiv 1904.06991).

    A manifold is the union of balls around its points, each as large as the distance to its k-th nearest neighbour.
    """

    def inside(points: Tensor, of: Tensor) -> float:
        radius = torch.cdist(of, of).kthvalue(min(k + 1, len(of)), dim=1).values
        return float((torch.cdist(points, of) <= radius).any(1).float().mean())

    return inside(samples, real), inside(real, samples)


def motion(clips: Tensor) -> Tensor:
    """How clips (N, frames, height, width, channels) move: (N, 3 (frames - 1)).

    From each frame to the next, by how many pixels the centre of brightness moves down and right, and by how many
    standard frames' brightness the whole brightens.
    """
    light = clips.double().sum(-1)
    mass = light.sum((2, 3))
    rows, columns = (torch.arange(n, dtype=torch.float64) for n in light.shape[2:])
    still = mass.clamp_min(1e-6)
    y = (light.sum(3) * rows).sum(2) / still
    x = (light.sum(2) * columns).sum(2) / still
    brightness = mass / mass.mean().clamp_min(1e-6)
    return torch.cat([y.diff(dim=1), x.diff(dim=1), brightness.diff(dim=1)], 1)
