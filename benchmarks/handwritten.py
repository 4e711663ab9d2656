"""Interleaved Gibbs diffusion on layouts, written by hand: the clear program that compiled ones are timed against.

    python benchmarks/handwritten.py --steps 20        # trains on random layouts, then draws some

A layout is E categories and E boxes.  A round of the forward process visits every category, then every box; a visit
redraws one category, or puts K steps of Gaussian noise on one box (arXiv 2502.13450).  Every site is a token of a
DiT-like transformer (arXiv 2212.09748) whose blocks are modulated by one clock per sample.  A category is drawn from
its conditional given all other sites (heat bath); a box is denoised in K steps, each with one forward pass, since the
network sees the noisy box.  Nothing is cached, pruned or fused.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Network = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Sizes:
    elements: int = 25
    categories: int = 26
    width: int = 256
    layers: int = 6
    heads: int = 8
    rounds: int = 2
    inner_steps: int = 10  # K

    @property
    def visits(self) -> int:
        """Of a whole trajectory."""
        return 2 * self.elements * self.rounds


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def attention(self, x: Tensor, mask: Tensor | None) -> Tensor:
        b, n, width = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        out: Tensor = self.out(x.transpose(1, 2).reshape(b, n, width))
        return out

    def forward(self, x: Tensor, clock: Tensor, mask: Tensor | None = None) -> Tensor:
        """``x`` (B, N, width) under ``clock`` (B, width); ``mask`` (B, 1, 1, N) says which tokens exist, None: all."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(clock)[:, None].chunk(6, -1)
        x = x + gate1 * self.attention(self.norm1(x) * (1 + scale1) + shift1, mask)
        out: Tensor = x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)
        return out


class Clock(nn.Module):
    """A time in [0, 1], (B,), as a vector (B, width)."""

    frequency: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("frequency", 1000 * torch.exp(-math.log(10000) * torch.arange(0, 1, 2 / width)))
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, t: Tensor) -> Tensor:
        angle = t[:, None] * self.frequency
        out: Tensor = self.mlp(torch.cat([angle.sin(), angle.cos()], -1))
        return out


class Model(nn.Module):
    """Logits of every category (B, E, categories) and the noise of every box (B, E, 4)."""

    keep: Tensor
    beta: Tensor
    signal: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.width
        self.category_in = nn.Embedding(
            sizes.categories + 1, width
        )  # the last one hides the queried category
        self.box_in = nn.Sequential(nn.Linear(4, width), nn.SiLU(), nn.Linear(width, width))
        self.position = nn.Parameter(0.02 * torch.randn(2 * sizes.elements, width))
        self.query = nn.Parameter(0.02 * torch.randn(width))
        self.clock = Clock(width)
        self.blocks = nn.ModuleList(Block(width, sizes.heads) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(width)
        self.category_out = nn.Linear(width, sizes.categories)
        self.box_out = nn.Linear(width, 4)

        # A category is still the data's after m visits with probability keep[m]; a box holds signal[n] of the data's
        # variance after n steps.
        self.register_buffer("keep", torch.cos(torch.linspace(0, math.pi / 2, sizes.rounds + 1)).square())
        steps = sizes.rounds * sizes.inner_steps
        beta = (1000 / steps * torch.linspace(1e-4, 2e-2, steps)).clamp_max(0.999)
        self.register_buffer("beta", beta)
        self.register_buffer("signal", torch.cat([torch.ones(1), torch.cumprod(1 - beta, 0)]))

    def forward(self, category: Tensor, box: Tensor, query: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """``category`` (B, E), ``box`` (B, E, 4), ``query`` (B, 2E): the site asked about, ``t`` (B,) in [0, 1]."""
        elements = self.sizes.elements
        category = torch.where(query[:, :elements], self.sizes.categories, category)
        x = torch.cat([self.category_in(category), self.box_in(box)], 1)
        x = x + self.position + query[..., None] * self.query
        clock = self.clock(t)
        for block in self.blocks:
            x = block(x, clock)
        x = self.norm(x)
        return self.category_out(x[:, :elements]), self.box_out(x[:, elements:])


# ---- training


def corrupt(model: Model, category: Tensor, box: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The state at a random visit of each sample: categories, boxes, the queried site, the time, the boxes' noise."""
    s = model.sizes
    batch, device = len(category), category.device
    visit = torch.randint(s.visits, (batch, 1), device=device)
    round_, site = visit // (2 * s.elements), visit % (2 * s.elements)
    sites = torch.arange(2 * s.elements, device=device)
    query = sites == site
    count = round_ + (sites < site)  # how often each site was visited before
    inner = torch.randint(1, s.inner_steps + 1, (batch, 1), device=device)
    inner = torch.where(site < s.elements, s.inner_steps, inner)

    kept = torch.rand(category.shape, device=device) < model.keep[count[:, : s.elements]]
    category = torch.where(kept, category, torch.randint_like(category, s.categories))
    n = s.inner_steps * count[:, s.elements :] + inner * query[:, s.elements :]
    signal = model.signal[n][..., None]
    noise = torch.randn_like(box)
    box = signal.sqrt() * box + (1 - signal).sqrt() * noise
    t = (visit * s.inner_steps + inner)[:, 0] / (s.visits * s.inner_steps)
    return category, box, query, t, noise


def train_step(
    model: Model,
    batch: tuple[Tensor, Tensor],
    optimizer: torch.optim.Optimizer,
    network: Network | None = None,
) -> Tensor:
    """One step on categories (B, E) and boxes (B, E, 4) in [-1, 1]; ``network`` is the model, perhaps compiled."""
    network = model if network is None else network
    category, box, query, t, noise = corrupt(model, *batch)
    logits, guess = network(category, box, query, t)
    query_category, query_box = query.chunk(2, 1)
    cost = F.cross_entropy(logits.transpose(1, 2), category, reduction="none")
    loss = (cost * query_category).sum(1).mean()
    loss = loss + ((guess - noise).square().mean(-1) * query_box).sum(1).mean()
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.detach()


# ---- sampling


@torch.no_grad()
def visit(
    model: Model, category: Tensor, box: Tensor, number: int, network: Network | None = None
) -> tuple[Tensor, Tensor]:
    """Undoes visit ``number`` of the trajectory: one category is drawn anew, or one box denoised."""
    s = model.sizes
    network = model if network is None else network
    batch, device = len(category), category.device
    round_, site = divmod(number, 2 * s.elements)
    query = (torch.arange(2 * s.elements, device=device) == site).expand(batch, -1)
    if site < s.elements:
        t = torch.full((batch,), (number + 1) / s.visits, device=device)
        logits, _ = network(category, box, query, t)
        category = category.clone()
        category[:, site] = torch.multinomial(logits[:, site].float().softmax(-1), 1)[:, 0]
        return category, box
    site -= s.elements
    box = box.clone()
    for k in reversed(range(1, s.inner_steps + 1)):
        n = round_ * s.inner_steps + k
        time = (number * s.inner_steps + k) / (s.visits * s.inner_steps)
        _, guess = network(category, box, query, torch.full((batch,), time, device=device))
        x, signal, before, beta = box[:, site], model.signal[n], model.signal[n - 1], model.beta[n - 1]
        clean = ((x - (1 - signal).sqrt() * guess[:, site]) / signal.sqrt()).clamp(-1, 1)
        mean = (before.sqrt() * beta * clean + (1 - beta).sqrt() * (1 - before) * x) / (1 - signal)
        std = (beta * (1 - before) / (1 - signal)).sqrt()
        box[:, site] = mean + std * torch.randn_like(x)
    return category, box


@torch.no_grad()
def sample(model: Model, batch: int) -> tuple[Tensor, Tensor]:
    """``batch`` new layouts."""
    s = model.sizes
    device = model.position.device
    category = torch.randint(s.categories, (batch, s.elements), device=device)
    box = torch.randn(batch, s.elements, 4, device=device)
    for number in reversed(range(s.visits)):
        category, box = visit(model, category, box, number)
    return category, box.clamp(-1, 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=16)
    options = parser.parse_args()
    torch.manual_seed(0)
    sizes = Sizes(elements=5, width=64, heads=4)
    model = Model(sizes)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    for step in range(options.steps):
        category = torch.randint(sizes.categories, (options.batch, sizes.elements))
        box = 2 * torch.rand(options.batch, sizes.elements, 4) - 1
        print(f"step {step + 1}: loss {train_step(model, (category, box), optimizer):.3f}")
    category, box = sample(model, 2)
    print(category[0].tolist(), box[0].tolist(), sep="\n")


if __name__ == "__main__":
    main()
