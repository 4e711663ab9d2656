"""Networks of several hidden layers in the NTK parametrisation: kernels contracted layer by layer, no Jacobian built.

`h_0 = x, h_l = phi(W_l h_{l-1} / sqrt m_{l-1}), f = W_L h_{L-1} / sqrt m_{L-1}`, entries N(0, 1), hidden layers of width M.
A layer's gradient for one output is an outer product, `delta h' / sqrt m`, so of two points and outputs

    Theta_kl(x, y) = sum over layers of (delta_k(x) . delta_l(y)) (h(x) . h(y)) / m.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .activations import ACTIVATIONS
from .kernels import BUDGET
from .networks import Move
from .points import Points


class Mlp:
    """A network of ``layers`` weight matrices (2: one hidden layer), where it started, and what it computes on ``points``.

    The first layer is held in the coordinates of the points (see `Points`).  ``shrink`` as for `networks.TwoLayer`.
    """

    def __init__(
        self, activation: str, width: int, points: Points, *, layers: int, outputs: int, seed: int, shrink: float = 1.0,
        budget: int = BUDGET,
    ) -> None:  # fmt: skip
        self.activation, self.width, self.points, self.budget = activation, width, points, budget
        self._sizes = [points.size, *[width] * (layers - 1), outputs]
        self._seed, self._kept = seed, 1 - shrink
        first, *rest = self._drawn()
        self.weights = [first @ points.basis.T, *rest]
        self.start = list(self.weights)
        self._offset = torch.zeros(())
        if self._kept:
            self._offset = self._kept * self.outputs()

    def _drawn(self) -> list[Tensor]:
        draw = np.random.default_rng(100 + self._seed)  # another stream than that of the points
        return [torch.from_numpy(draw.standard_normal((b, a))) for a, b in pairwise(self._sizes)]

    def _layers(self) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Inputs of every layer, slopes of every hidden one, and the outputs before anything is subtracted."""
        inputs: list[Tensor] = []
        slopes: list[Tensor] = []
        h = self.points.coordinates
        for size, weight in zip(self._sizes, self.weights, strict=False):
            inputs.append(h)
            a = h @ weight.T / size**0.5
            if len(inputs) == len(self.weights):
                return inputs, slopes, a
            h, slope = ACTIVATIONS[self.activation](a)
            slopes.append(slope)
        raise AssertionError("a network has at least one layer")

    def outputs(self) -> Tensor:
        """(points, K)."""
        return self._layers()[2] - self._offset

    def forward(self) -> tuple[Tensor, Move]:
        """Outputs (points, K), and what takes a step of all layers against dL/dF."""
        inputs, slopes, outputs = self._layers()

        def move(gradient: Tensor, step: float) -> None:
            moved, delta = [], gradient
            for k in reversed(range(len(self.weights))):
                root = self._sizes[k] ** 0.5
                moved.append(self.weights[k] - step * delta.T @ inputs[k] / root)
                if k:
                    delta = (delta @ self.weights[k] / root) * slopes[k - 1]
            self.weights = moved[::-1]

        return outputs - self._offset, move

    def _deltas(self, slopes: list[Tensor], rows: slice) -> Iterator[tuple[int, Tensor]]:
        """Of each layer, the last first, the gradients (K, points, m_l) of the outputs in what the layer computes."""
        outputs = self._sizes[-1]
        delta = torch.eye(outputs, dtype=torch.float64)[:, None].expand(
            -1, len(self.points.coordinates[rows]), -1
        )
        for k in reversed(range(len(self.weights))):
            yield k, delta
            if k:
                delta = (delta @ self.weights[k] / self._sizes[k] ** 0.5) * slopes[k - 1][rows]

    def full_kernel(self) -> Tensor:
        """The tangent kernel now, (K, K, points, points)."""
        inputs, slopes, _ = self._layers()
        n, outputs = len(self.points.coordinates), self._sizes[-1]
        out = torch.zeros(outputs, outputs, n, n, dtype=torch.float64)
        for k, delta in self._deltas(slopes, slice(None)):
            inner = inputs[k] @ inputs[k].T / self._sizes[k]
            flat = delta.reshape(outputs * n, -1)
            out += (flat @ flat.T).view(outputs, n, outputs, n).transpose(1, 2) * inner
        return out

    def trace_kernel(self) -> Tensor:
        """The tangent kernel now, mean over outputs, (points, points); strips of points within the budget."""
        inputs, slopes, _ = self._layers()
        n, outputs = len(self.points.coordinates), self._sizes[-1]
        out = torch.zeros(n, n, dtype=torch.float64)
        height = max(1, self.budget // (8 * outputs * self.width * 3))
        strips = [slice(at, min(n, at + height)) for at in range(0, n, height)]
        for rows in strips:
            for columns in strips:
                if columns.start < rows.start:
                    continue
                pairs = zip(self._deltas(slopes, rows), self._deltas(slopes, columns), strict=True)
                for (k, here), (_, there) in pairs:
                    inner = inputs[k][rows] @ inputs[k][columns].T / self._sizes[k]
                    out[rows, columns] += inner * torch.einsum("kim,kjm->ij", here, there) / outputs
                if columns.start > rows.start:
                    out[columns, rows] = out[rows, columns].T
        return out

    def weight_change(self) -> float:
        """Distance of all weights from their start."""
        changes = [(now - then).square().sum() for now, then in zip(self.weights, self.start, strict=True)]
        return float(torch.stack(changes).sum().sqrt())

    def row_change(self) -> float:
        """Largest distance of a row of the first layer from its start."""
        return float((self.weights[0] - self.start[0]).norm(dim=1).max())

    def at(self, inputs: Tensor) -> Tensor:
        """Outputs (m, K) on other inputs (m, d); the first layer off the span of the points is that of the start."""
        drawn = self._drawn()
        first = drawn[0] + (self.weights[0] - self.start[0]) @ self.points.basis

        def through(weights: list[Tensor]) -> Tensor:
            h = inputs
            for k, weight in enumerate(weights):
                h = h @ weight.T / self._sizes[k] ** 0.5
                if k + 1 < len(weights):
                    h = ACTIVATIONS[self.activation](h)[0]
            return h

        learnt = through([first, *self.weights[1:]])
        return learnt - self._kept * through(drawn) if self._kept else learnt
