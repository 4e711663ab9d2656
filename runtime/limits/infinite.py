"""Kernels of infinitely wide two-layer networks: the covariance of their outputs (NNGP) and their tangent kernel."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .activations import ACTIVATIONS

PAIRS = 2048
"""Pairs of points integrated together."""


def limit_kernels(
    x: Tensor, y: Tensor | None = None, *, activation: str = "tanh", size: int | None = None, nodes: int = 80
) -> tuple[Tensor, Tensor]:
    """NNGP and tangent kernel (n, m), both the same for every output.

    With q = |x|^2 / d and S = x.y / d the tangent kernel is `k + S k'`.  relu and erf are closed forms; tanh is integrated
    by ``nodes`` x ``nodes`` Gauss-Hermite points, good to 7e-9 at q = 1 and to 1e-3 at q = 4.
    """
    other = x if y is None else y
    d = size or x.shape[1]
    inner = x @ other.T / d
    qx, qy = (x.square().sum(1) / d)[:, None], (other.square().sum(1) / d)[None]
    if activation == "relu":
        root = (qx * qy).sqrt()
        c = (inner / root).clamp(-1, 1)
        angle = torch.arccos(c)
        nngp = root * ((1 - c * c).clamp(min=0).sqrt() + (math.pi - angle) * c) / (2 * math.pi)
        slope = (math.pi - angle) / (2 * math.pi)
    elif activation == "erf":
        spread = (1 + 2 * qx) * (1 + 2 * qy)
        nngp = 2 / math.pi * torch.arcsin((2 * inner / spread.sqrt()).clamp(-1, 1))
        slope = 4 / math.pi / (spread - 4 * inner * inner).sqrt()
    else:
        nngp, slope = _integrate(inner, qx, qy, activation, nodes, symmetric=y is None)
    return nngp, nngp + inner * slope


def _integrate(
    inner: Tensor, qx: Tensor, qy: Tensor, activation: str, nodes: int, symmetric: bool
) -> tuple[Tensor, Tensor]:
    """E phi(a) phi(b) and E phi'(a) phi'(b) for Gaussian a, b of variances qx, qy and covariance ``inner``."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.outer(weights, weights) / (2 * math.pi)
    kept = np.nonzero(grid > 1e-16)
    first = torch.as_tensor(points[kept[0]]).to(inner)
    second = torch.as_tensor(points[kept[1]]).to(inner)
    weight = torch.as_tensor(grid[kept]).to(inner)
    n, m = inner.shape
    rows, columns = torch.triu_indices(n, n) if symmetric else torch.ones(n, m).nonzero().T
    nngp, slope = torch.empty_like(inner), torch.empty_like(inner)
    for i, j in zip(rows.split(PAIRS), columns.split(PAIRS), strict=True):
        sx, sy = qx[i].sqrt(), qy[0, j].sqrt()[:, None]
        c = (inner[i, j][:, None] / (sx * sy)).clamp(-1, 1)
        ha, da = ACTIVATIONS[activation](sx * first)
        hb, db = ACTIVATIONS[activation](sy * (c * first + (1 - c * c).sqrt() * second))
        nngp[i, j], slope[i, j] = (ha * hb) @ weight, (da * db) @ weight
        if symmetric:
            nngp[j, i], slope[j, i] = nngp[i, j], slope[i, j]
    return nngp, slope
