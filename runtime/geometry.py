"""Networks of points in space that turn with them: no direction is told from another (E(n) networks, arXiv 2102.09844).

Points are the noisy positions of a plate's elements, (B, N, d) about the centre of space, in units of about their own
deviation; ``present`` (B, N) says which exist.  What a network makes of scalars stays a scalar; vectors are combined by them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import DiffusionHead, Fourier

FAR = 8.0
"""Distance beyond which two are alike."""
BANDS = 64
REACH = 1.5
"""Distance over which the surroundings of a point fade by e."""


class Distance(nn.Module):
    """A distance (...) as the bumps (..., BANDS) it falls on; near 0, where bonds are, they are narrow."""

    centre: Tensor
    sharpness: Tensor

    def __init__(self) -> None:
        super().__init__()
        step = torch.arange(BANDS) / BANDS
        self.register_buffer("centre", FAR * step.square(), persistent=False)
        self.register_buffer("sharpness", BANDS / (2 * FAR * (step + 1 / BANDS)), persistent=False)

    def forward(self, distance: Tensor) -> Tensor:
        return torch.exp(-0.5 * ((distance[..., None] - self.centre) * self.sharpness).square())


def length(x: Tensor) -> Tensor:
    """(...) of vectors (..., d); its gradient is finite at 0 too."""
    return (x.square().sum(-1) + 1e-8).sqrt()


def distances(points: Tensor) -> Tensor:
    """(B, N, N) of ``points`` (B, N, d)."""
    return length(points[:, :, None] - points[:, None])


class Radius(nn.Module):
    """A position (..., d) as (..., width): how far it is from the centre, and no more."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = Fourier(width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.embed(length(x) / FAR)
        return out


class Surroundings(nn.Module):
    """What the distances to the others are to a token: features of its surroundings (a continuous-filter convolution,
    SchNet, arXiv 1706.08566), and a bias of every head's attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.distance = Distance()
        self.bias = nn.Sequential(nn.Linear(BANDS, width), nn.SiLU(), nn.Linear(width, heads))
        self.filter = nn.Sequential(nn.Linear(BANDS, width), nn.SiLU(), nn.Linear(width, width))
        self.value = nn.Linear(width, width)
        self.out = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, tokens: Tensor, points: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """``tokens`` (B, N, width) with their surroundings, and what attention adds to its scores, (B, heads, N, N)."""
        r = distances(points)
        bumps = self.distance(r)
        near = torch.exp(-r / REACH) * present[:, None]
        value = self.value(F.layer_norm(tokens, tokens.shape[-1:]))
        around = (self.filter(bumps) * near[..., None] * value[:, None]).sum(2)
        bias: Tensor = self.bias(bumps).permute(0, 3, 1, 2)
        return tokens + self.out(around), bias.masked_fill(~present[:, None, None], -torch.inf)


class RelativeHead(DiffusionHead):
    """Prediction of a position from its row of the trunk and its own noisy value, as a sum of vectors that turn with the
    points: how far the inner steps have moved it, itself, and ``vectors`` weighted means of the others as seen from it."""

    places: Tensor

    def __init__(
        self, width: int, hidden: int, layers: int, levels: int, vectors: int = 8, size: int = 16
    ) -> None:
        n = vectors + 2
        super().__init__(width, hidden, layers, length=n, levels=levels)
        self.vectors, self.size = vectors, size
        self.pair = nn.Linear(width, 2 * vectors * size)
        self.distance = Distance()
        self.bias = nn.Sequential(nn.Linear(BANDS, hidden), nn.SiLU(), nn.Linear(hidden, vectors))
        self.register_buffer("places", torch.triu_indices(n, n), persistent=False)
        self.embed = nn.Linear(n * (n + 1) // 2 + n, hidden)

    def frame(self, h: Tensor, points: Tensor, present: Tensor) -> Tensor:
        """Of rows ``h`` (B, N, width): each point and the weighted means as seen from it, (B, N, 1 + vectors, d)."""
        batch, sites, width = h.shape
        pair = self.pair(F.layer_norm(h, (width,))).view(batch, sites, 2, self.vectors, self.size)
        q, k = pair.permute(2, 0, 3, 1, 4)
        r = distances(points)
        weight = q @ k.transpose(-1, -2) / self.size**0.5 + self.bias(self.distance(r)).permute(0, 3, 1, 2)
        weight = weight * (present[:, None] / (3.0 * (1.0 + r)))[:, None]
        means = weight @ points[:, None] - weight.sum(-1, keepdim=True) * points[:, None]
        return torch.cat([points[:, :, None], means.transpose(1, 2)], 2)

    def forward(self, row: Tensor, x: Tensor, n: Tensor, frame: Tensor) -> Tensor:  # type: ignore[override]
        """``row`` (..., width), ``x`` (..., d), its noise level ``n`` (...) of 0..levels, ``frame`` (..., 1 + vectors, d);
        leading axes broadcast."""
        x = x[..., None, :]
        frame = frame.expand(*x.shape[:-2], -1, -1)
        own, means = frame[..., :1, :], frame[..., 1:, :]
        arrows = torch.cat([x - own, x, means], -2)
        products = (arrows @ arrows.transpose(-1, -2))[..., self.places[0], self.places[1]]
        h = self.embed(torch.cat([products.sign() * products.abs().log1p(), length(arrows).log()], -1))
        return (self.refine(h, row, n)[..., None] * arrows).sum(-2)
