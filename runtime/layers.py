"""Layers of the denoisers: embeddings of values and levels, transformer blocks under adaLN, loops, heads."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Fourier(nn.Module):
    """A number in [0, 1] (...) as a vector (..., width): sines and cosines, then one linear map."""

    frequency: Tensor

    def __init__(self, width: int, features: int = 64) -> None:
        super().__init__()
        frequency = math.pi * torch.exp2(torch.linspace(0, 8, features // 2))
        self.register_buffer("frequency", frequency, persistent=False)
        self.linear = nn.Linear(features, width)

    def forward(self, u: Tensor) -> Tensor:
        angle = u[..., None].float() * self.frequency
        out: Tensor = self.linear(torch.cat([angle.sin(), angle.cos()], -1))
        return out


class Vector(nn.Module):
    """A real vector (..., d) as (..., width).  Sines resolve small differences, which alignment depends on."""

    frequency: Tensor

    def __init__(self, length: int, width: int, bands: int = 6) -> None:
        super().__init__()
        self.register_buffer(
            "frequency", math.pi * torch.exp2(torch.arange(bands, dtype=torch.float32)), persistent=False
        )
        self.linear = nn.Linear(length * (1 + 2 * bands), width)

    def forward(self, x: Tensor) -> Tensor:
        angle = (x[..., None] * self.frequency).flatten(-2)
        out: Tensor = self.linear(torch.cat([x, angle.sin(), angle.cos()], -1))
        return out


class Attention(nn.Module):
    """Bidirectional self-attention; ``present`` (B, 1, 1, N) masks the keys."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, present: Tensor | None) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=present)
        out: Tensor = self.out(x.transpose(1, 2).flatten(-2))
        return out


class Block(nn.Module):
    """A transformer layer whose normalisations are modulated by the clock (adaLN-Zero, arXiv 2212.09748)."""

    def __init__(self, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, expansion * width),
            nn.GELU(approximate="tanh"),
            nn.Linear(expansion * width, width),
        )
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, clock: Tensor, present: Tensor | None) -> Tensor:
        """``x`` (B, N, width), ``clock`` (B, width), ``present`` (B, 1, 1, N) or None."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = self.modulation(clock)[:, None].chunk(6, -1)
        x = x + gate_a * self.attention(_norm(x) * (1 + scale_a) + shift_a, present)
        out: Tensor = x + gate_m * self.mlp(_norm(x) * (1 + scale_m) + shift_m)
        return out


def _norm(x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:])


class Loop(nn.Module):
    """One weight-shared group of blocks, run ``loops`` times."""

    def __init__(self, layers: int, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, expansion) for _ in range(layers))

    def forward(self, x: Tensor, clock: Tensor, present: Tensor | None, loops: int = 1) -> Tensor:
        for _ in range(loops):
            for block in self.blocks:
                x = block(x, clock, present)
        return x


class Clock(nn.Module):
    """The time of the trajectory, u (B,) in [0, 1], as the (B, width) vector that modulates the blocks."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.time = Fourier(width)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU())

    def forward(self, u: Tensor) -> Tensor:
        out: Tensor = self.mlp(F.silu(self.time(u)))
        return out


class TokenHead(nn.Module):
    """Logits of a token site from its row of the trunk."""

    def __init__(self, width: int, values: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, values)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, row: Tensor) -> Tensor:
        out: Tensor = self.linear(self.norm(row))
        return out


class VectorHead(nn.Module):
    """Prediction of a real site from its row of the trunk (`inner = joint`)."""

    def __init__(self, width: int, length: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, length)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, row: Tensor) -> Tensor:
        out: Tensor = self.linear(self.norm(row))
        return out


class DiffusionHead(nn.Module):
    """Prediction of a real site from its row of the trunk and its own noisy value (`inner = head`; arXiv 2406.11838).

    The trunk never sees the noisy value, so it runs once per visit and this small network once per inner step.
    """

    def __init__(self, width: int, hidden: int, layers: int, length: int) -> None:
        super().__init__()
        self.embed = Vector(length, hidden)
        self.level = Fourier(hidden)
        self.row = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden))
        self.modulation = nn.ModuleList(nn.Linear(hidden, 3 * hidden) for _ in range(layers))
        self.mlp = nn.ModuleList(
            nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, hidden))
            for _ in range(layers)
        )
        self.out = nn.Linear(hidden, length)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, row: Tensor, x: Tensor, u: Tensor) -> Tensor:
        """``row`` (..., width), ``x`` (..., d) and its noise level ``u`` (...) in [0, 1]; leading axes broadcast."""
        condition = F.silu(self.row(row) + self.level(u))
        h = self.embed(x)
        for modulation, mlp in zip(self.modulation, self.mlp, strict=True):
            shift, scale, gate = modulation(condition).chunk(3, -1)
            h = h + gate * mlp(_norm(h) * (1 + scale) + shift)
        out: Tensor = self.out(_norm(h))
        return out


def components(given: Tensor | None, x: Tensor) -> Tensor:
    """Which numbers of ``x`` (B, N, d) are given, as (B, N, d): none, whole sites (B, N), or parts of them (B, N, d)."""
    if given is None:
        return torch.zeros_like(x, dtype=torch.bool)
    return given if given.dim() == x.dim() else given[..., None].expand_as(x)


def queried(query: Tensor, sites: int) -> tuple[Tensor, Tensor]:
    """The rows that ``query`` (B, N) asks for, ``sites`` at most: their indices (B, sites) and which of them were asked.

    A fixed number of rows keeps shapes static.
    """
    asked, index = query.float().topk(sites, dim=1)
    return index, asked > 0


def take(h: Tensor, index: Tensor) -> Tensor:
    """Rows ``index`` (B, k) of ``h`` (B, N, ...)."""
    return h.gather(1, index.reshape(*index.shape, *(1,) * (h.dim() - 2)).expand(-1, -1, *h.shape[2:]))


def put(x: Tensor, index: Tensor, rows: Tensor, where: Tensor) -> Tensor:
    """``x`` (B, N, ...) with rows ``index`` (B, k) replaced by ``rows`` where the mask ``where`` (B, k) holds."""
    extra = (1,) * (x.dim() - 2)
    place = index.reshape(*index.shape, *extra).expand_as(rows)
    return x.scatter(1, place, torch.where(where.reshape(*where.shape, *extra), rows, x.gather(1, place)))
