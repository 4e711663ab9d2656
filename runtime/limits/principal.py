"""An orthonormal output layer on wide features: where linear losses lead to principal components of random features.

`f(x) = W h(x)`, W W' = I, h(x) = phi(V x / sqrt d) / sqrt M.  The linear dot loss is `-tr(W C(V) W')` with
`C(V) = H' S H / 2` (M, M), S the loss's moment matrix; at fixed V its minimum is the top K eigenvectors of C.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from . import distances
from .activations import ACTIVATIONS
from .losses import Linear
from .points import Points


class OrthonormalOutput:
    """The network, where it started, and its features on ``points``."""

    def __init__(
        self, activation: str, width: int, points: Points, *, outputs: int, seed: int, loss: Linear
    ) -> None:
        draw = np.random.default_rng(100 + seed)  # another stream than that of the points
        self.activation, self.width, self.points = activation, width, points
        self.half = loss.moment(points.n) / 2
        self._read = len(self.half)
        self.V = torch.from_numpy(draw.standard_normal((width, points.size))) @ points.basis.T
        self.W = _orthonormal(torch.from_numpy(draw.standard_normal((width, outputs))).T)
        self.V0, self.start = self.V, self.features()
        self.components, self.eigenvalues = self.principal(self.start)

    def _forward(self) -> tuple[Tensor, Tensor]:
        features, slopes = ACTIVATIONS[self.activation](
            self.points.coordinates[: self._read] @ self.V.T / self.points.size**0.5
        )
        return features / self.width**0.5, slopes

    def features(self) -> Tensor:
        """H (points, M)."""
        return self._forward()[0]

    def principal(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Top K eigenvectors of C (K, M) as rows, and all its eigenvalues that are not zero, falling; through the small space."""
        u, s, v = torch.linalg.svd(features, full_matrices=False)
        root = u * s
        values, vectors = torch.linalg.eigh(root.T @ self.half @ root)
        return vectors.flip(1)[:, : len(self.W)].T @ v, values.flip(0)

    def flow(
        self, *, step: float, time: float, checks: int = 100, learn: bool = True
    ) -> Iterator[tuple[float, float]]:
        """Gradient flow of V, Oja's flow of W (`W <- qr(W + 2 step W C)`); yields time and loss."""
        steps = round(time / step)
        every = max(1, steps // checks)
        for k in range(steps + 1):
            features, slopes = self._forward()
            outputs = features @ self.W.T
            pulled = self.half @ outputs
            if k % every == 0 or k == steps:
                yield k * step, -float((outputs * pulled).sum())
            if k == steps:
                return
            if learn:
                first = ((2 * pulled @ self.W) * slopes).T @ self.points.coordinates[: self._read]
                self.V = self.V + step * first / (self.width * self.points.size) ** 0.5
            self.W = _orthonormal(self.W + 2 * step * pulled.T @ features)

    def feature_drift(self) -> float:
        """Relative change of the features since the start."""
        return distances.relative(self.features(), self.start)

    def weight_change(self) -> float:
        """Distance of V from its start."""
        return float((self.V - self.V0).norm())

    def gap(self) -> float:
        """Between the K-th and the next eigenvalue of C at the start."""
        k = len(self.W)
        return float(self.eigenvalues[k - 1] - self.eigenvalues[k])

    def representation(self) -> float:
        """Procrustes distance of the outputs to the principal components of the random features."""
        return distances.procrustes(self.features() @ self.W.T, self.start @ self.components.T)

    def angles(self) -> dict[str, float]:
        """Sines from W to the components of the features at the start and now, and of how far those moved.

        The second is unfinished optimisation, the third drift.  `bound` is 2 |C_t - C_0| / gap, above the third by Davis
        and Kahan; it is vacuous above 1.
        """
        features = self.features()
        now = self.principal(features)[0]
        rows = torch.linalg.svd(torch.cat([features, self.start]), full_matrices=False)[2]
        here, there = features @ rows.T, self.start @ rows.T
        change = here.T @ self.half @ here - there.T @ self.half @ there
        return {
            "angle.start": distances.sine(self.W, self.components),
            "angle.now": distances.sine(self.W, now),
            "angle.moved": distances.sine(now, self.components),
            "angle.bound": 2 * float(torch.linalg.matrix_norm(change, 2)) / self.gap(),
        }


def _orthonormal(rows: Tensor) -> Tensor:
    """Orthonormal rows of the same span (K, M)."""
    basis: Tensor = torch.linalg.qr(rows.T)[0]
    return basis.T
