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
    x: Tensor, y: Tensor | None = None, *, activation: str = "tanh", size: int | None = None, hidden: int = 1, nodes: int = 80
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """NNGP and tangent kernel (n, m) with ``hidden`` layers, both the same for every output.

    Each hidden layer takes the covariance S to k = E phi(a) phi(b) and the tangent kernel T, which starts as S, to
    `k + T E phi'(a) phi'(b)`.  relu and erf are closed forms; tanh is integrated by ``nodes`` x ``nodes`` Gauss-Hermite
    points, good to 7e-9 where the variance q = |x|^2 / d is 1 and to 1e-3 where it is 4.
    """
    other = x if y is None else y
    d = size or x.shape[1]
    inner = x @ other.T / d
    tangent = inner
    qx, qy = x.square().sum(1) / d, other.square().sum(1) / d
    for _ in range(hidden):
        nngp, slope = _layer(inner, qx, qy, activation, nodes, symmetric=y is None)
        tangent = nngp + tangent * slope
        inner = nngp
        qx, qy = (_elementwise(q, q, q, activation, nodes)[0] for q in (qx, qy))
    return inner, tangent


def _layer(
    inner: Tensor, qx: Tensor, qy: Tensor, activation: str, nodes: int, symmetric: bool
) -> tuple[Tensor, Tensor]:
    """E phi(a) phi(b) and E phi'(a) phi'(b), (n, m), for variances (n,) and (m,) and covariances (n, m)."""
    n, m = inner.shape
    if activation in CLOSED:
        return CLOSED[activation](inner, qx[:, None], qy[None])
    if not symmetric:
        both = _elementwise(inner.flatten(), qx.repeat_interleave(m), qy.repeat(n), activation, nodes)
        return both[0].view(n, m), both[1].view(n, m)
    rows, columns = torch.triu_indices(n, n)
    found = []
    for values in _elementwise(inner[rows, columns], qx[rows], qx[columns], activation, nodes):
        matrix = torch.empty_like(inner)
        matrix[rows, columns] = matrix[columns, rows] = values
        found.append(matrix)
    return found[0], found[1]


def _relu(inner: Tensor, qx: Tensor, qy: Tensor) -> tuple[Tensor, Tensor]:
    root = (qx * qy).sqrt()
    c = (inner / root).clamp(-1, 1)
    angle = torch.arccos(c)
    nngp = root * ((1 - c * c).clamp(min=0).sqrt() + (math.pi - angle) * c) / (2 * math.pi)
    return nngp, (math.pi - angle) / (2 * math.pi)


def _erf(inner: Tensor, qx: Tensor, qy: Tensor) -> tuple[Tensor, Tensor]:
    spread = (1 + 2 * qx) * (1 + 2 * qy)
    nngp = 2 / math.pi * torch.arcsin((2 * inner / spread.sqrt()).clamp(-1, 1))
    return nngp, 4 / math.pi / (spread - 4 * inner * inner).sqrt()


CLOSED = {"relu": _relu, "erf": _erf}
"""Activations whose expectations are known functions of covariance and variances."""


def _elementwise(inner: Tensor, qx: Tensor, qy: Tensor, activation: str, nodes: int) -> tuple[Tensor, Tensor]:
    """E phi(a) phi(b) and E phi'(a) phi'(b) of lists of Gaussian pairs."""
    if activation in CLOSED:
        return CLOSED[activation](inner, qx, qy)
    return integrate(inner, qx, qy, activation, nodes)


def integrate(inner: Tensor, qx: Tensor, qy: Tensor, activation: str, nodes: int) -> tuple[Tensor, Tensor]:
    """The same by Gauss-Hermite quadrature, for any activation; all arguments (pairs,)."""
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    grid = np.outer(weights, weights) / (2 * math.pi)
    kept = np.nonzero(grid > 1e-16)
    first, second = (torch.as_tensor(points[k]).to(inner) for k in kept)
    weight = torch.as_tensor(grid[kept]).to(inner)
    found: list[tuple[Tensor, Tensor]] = []
    for at in range(0, len(inner), PAIRS):
        s, vx, vy = (part[at : at + PAIRS] for part in (inner, qx, qy))
        sx, sy = vx.sqrt()[:, None], vy.sqrt()[:, None]
        c = (s[:, None] / (sx * sy)).clamp(-1, 1)
        ha, da = ACTIVATIONS[activation](sx * first)
        hb, db = ACTIVATIONS[activation](sy * (c * first + (1 - c * c).sqrt() * second))
        found.append(((ha * hb) @ weight, (da * db) @ weight))
    nngp, slope = (torch.cat(parts) for parts in zip(*found, strict=True))
    return nngp, slope
