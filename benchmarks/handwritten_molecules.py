"""Interleaved Gibbs diffusion on molecules, written by hand: the clear program that `specs/igd_molecule.gen` is timed against.

    python benchmarks/handwritten_molecules.py --steps 20        # trains on made-up rods of atoms, then draws some

A molecule has up to A atoms, each an element and a position about the centre of mass.  A round of the forward process
visits every position, then every element; a visit puts K steps of Gaussian noise on one position, or redraws one element
(arXiv 2502.13450).  An atom is one token of a DiT-like transformer, whose blocks are those of benchmarks/handwritten.py: the
sum of what is known of it.  A batch is as long as its longest molecule, as is usual for QM9 (arXiv 2203.17003); atoms that a
shorter one lacks are masked in the attention and never visited.  A position is denoised in K steps, each with one forward
pass, since the network sees the noisy position.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from handwritten import Block, Clock
from torch import Tensor, nn

Network = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Sizes:
    atoms: int = 29
    elements: int = 5
    width: int = 128
    layers: int = 4
    heads: int = 8
    rounds: int = 4
    inner_steps: int = 50  # K

    @property
    def visits(self) -> int:
        """Of a whole trajectory."""
        return 2 * self.atoms * self.rounds


class Model(nn.Module):
    """The noise of every position (B, A, 3) and logits of every element (B, A, elements)."""

    keep: Tensor
    beta: Tensor
    signal: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.width
        self.element_in = nn.Embedding(sizes.elements + 1, width)  # the last one hides the queried element
        self.position_in = nn.Sequential(nn.Linear(3, width), nn.SiLU(), nn.Linear(width, width))
        self.atom = nn.Parameter(0.02 * torch.randn(sizes.atoms, width))
        self.query = nn.Parameter(0.02 * torch.randn(2, width))  # of a position, of an element
        self.clock = Clock(width)
        self.blocks = nn.ModuleList(Block(width, sizes.heads) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(width)
        self.position_out = nn.Linear(width, 3)
        self.element_out = nn.Linear(width, sizes.elements)

        # An element is still the data's after m visits with probability keep[m]; a position holds signal[n] of the data's
        # variance after n steps.
        steps = sizes.rounds * sizes.inner_steps
        self.register_buffer("keep", torch.cos(torch.linspace(0, math.pi / 2, sizes.rounds + 1)).square())
        signal = torch.cos(torch.linspace(0, math.pi / 2, steps + 1)).square()
        beta = (1 - signal[1:] / signal[:-1]).clamp_max(0.999)
        self.register_buffer("beta", beta)
        self.register_buffer("signal", torch.cat([torch.ones(1), torch.cumprod(1 - beta, 0)]))

    def forward(
        self, element: Tensor, position: Tensor, present: Tensor, query: Tensor, t: Tensor
    ) -> tuple[Tensor, Tensor]:
        """``element`` and ``present`` (B, A), ``position`` (B, A, 3), ``t`` (B,) in [0, 1].

        ``query`` (B, 2, A): the position or the element asked about.
        """
        x = self.element_in(torch.where(query[:, 1], self.sizes.elements, element)) + self.position_in(
            position
        )
        x = x + self.atom[: x.shape[1]] + query.transpose(1, 2).float() @ self.query
        clock, mask = self.clock(t), present[:, None, None]
        for block in self.blocks:
            x = block(x, clock, mask)
        x = self.norm(x)
        return self.position_out(x), self.element_out(x)


def cut(element: Tensor, position: Tensor, present: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Molecules as long as the longest of them."""
    atoms = int(present.sum(1).max())
    return element[:, :atoms], position[:, :atoms], present[:, :atoms]


# ---- training


def turned(position: Tensor) -> Tensor:
    """Positions (B, A, 3), each molecule turned at random."""
    q, r = torch.linalg.qr(torch.randn(len(position), 3, 3, device=position.device))
    q = q * r.diagonal(dim1=1, dim2=2).sign()[:, None]
    out: Tensor = position @ (q * torch.linalg.det(q)[:, None, None])
    return out


def corrupt(
    model: Model, element: Tensor, position: Tensor, present: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The state at a random visit of each molecule: elements, positions, the query, the time, the positions' noise."""
    s = model.sizes
    (batch, atoms), device = element.shape, element.device
    length = present.sum(1, keepdim=True)
    round_ = torch.randint(s.rounds, (batch, 1), device=device)
    place = (torch.rand(batch, 1, device=device) * 2 * length).long()  # positions first, then elements
    kind, which = place // length, place % length
    order = torch.arange(atoms, device=device)
    query = torch.stack([(kind == k) & (order == which) for k in range(2)], 1)
    before = torch.stack([(k < kind) | (k == kind) & (order < which) for k in range(2)], 1)
    count = round_[..., None] + before  # how often each site was visited before
    inner = torch.randint(1, s.inner_steps + 1, (batch, 1), device=device)
    inner = torch.where(kind == 0, inner, s.inner_steps)

    n = s.inner_steps * count[:, 0] + inner * query[:, 0]
    signal = model.signal[n][..., None]
    noise = torch.randn_like(position)
    position = signal.sqrt() * position + (1 - signal).sqrt() * noise
    kept = torch.rand(element.shape, device=device) < model.keep[count[:, 1]]
    element = torch.where(kept, element, torch.randint_like(element, s.elements))
    number = round_ * 2 * s.atoms + kind * s.atoms + which
    t = (number * s.inner_steps + inner)[:, 0] / (s.visits * s.inner_steps)
    return element, position, query, t, noise


def train_step(
    model: Model,
    batch: tuple[Tensor, Tensor, Tensor],
    optimizer: torch.optim.Optimizer,
    average: list[Tensor],
    network: Network | None = None,
) -> Tensor:
    """One step on elements (B, A), positions (B, A, 3) and which atoms exist (B, A), and of the weights' moving average."""
    network = model if network is None else network
    element, position, present = cut(*batch)
    element, position, query, t, noise = corrupt(model, element, turned(position), present)
    guess, logits = network(element, position, present, query, t)
    cost = F.cross_entropy(logits.transpose(1, 2), element, reduction="none")
    loss = (cost * query[:, 1]).sum(1).mean()
    loss = loss + ((guess - noise).square().mean(-1) * query[:, 0]).sum(1).mean()
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        torch._foreach_lerp_(average, list(model.parameters()), 0.0005)
    return loss.detach()


# ---- sampling


@torch.no_grad()
def visit(
    model: Model,
    element: Tensor,
    position: Tensor,
    present: Tensor,
    number: int,
    network: Network | None = None,
) -> tuple[Tensor, Tensor]:
    """Undoes visit ``number`` of the trajectory: of an atom that exists, the element drawn anew or the position denoised."""
    s = model.sizes
    network = model if network is None else network
    (batch, atoms), device = element.shape, element.device
    round_, place = divmod(number, 2 * s.atoms)
    kind, which = divmod(place, s.atoms)
    query = torch.zeros(batch, 2, atoms, dtype=torch.bool, device=device)
    query[:, kind, which] = present[:, which]
    if kind == 1:
        t = torch.full((batch,), (number + 1) / s.visits, device=device)
        _, logits = network(element, position, present, query, t)
        element = element.clone()
        element[:, which] = torch.multinomial(logits[:, which].float().softmax(-1), 1)[:, 0]
        return element, position
    position = position.clone()
    for k in reversed(range(1, s.inner_steps + 1)):
        n = round_ * s.inner_steps + k
        time = (number * s.inner_steps + k) / (s.visits * s.inner_steps)
        guess, _ = network(element, position, present, query, torch.full((batch,), time, device=device))
        x, signal, before, beta = position[:, which], model.signal[n], model.signal[n - 1], model.beta[n - 1]
        clean = ((x - (1 - signal).sqrt() * guess[:, which]) / signal.sqrt()).clamp(-5, 5)
        mean = (before.sqrt() * beta * clean + (1 - beta).sqrt() * (1 - before) * x) / (1 - signal)
        std = (beta * (1 - before) / (1 - signal)).sqrt()
        position[:, which] = mean + std * torch.randn_like(x)
    return element, position


def path(sizes: Sizes, atoms: int, rounds: int) -> list[int]:
    """The visits of the first ``rounds`` rounds backwards, those of atoms that no molecule has left out."""
    return [v for v in reversed(range(2 * sizes.atoms * rounds)) if v % sizes.atoms < atoms]


@torch.no_grad()
def sample(model: Model, present: Tensor) -> tuple[Tensor, Tensor]:
    """A molecule of the atoms ``present`` (B, A) for each row; what is not present means nothing."""
    s, device = model.sizes, present.device
    present = present[:, : int(present.sum(1).max())]
    element = torch.randint(s.elements, present.shape, device=device)
    position = torch.randn(*present.shape, 3, device=device)
    for number in path(s, present.shape[1], s.rounds):
        element, position = visit(model, element, position, present, number)
    return element, position


def rods(count: int, atoms: int) -> tuple[Tensor, Tensor, Tensor]:
    """Made-up molecules: atoms of one element in a row, one unit apart, with an atom of another at each end."""
    length = torch.randint(3, atoms + 1, (count, 1))
    place = torch.arange(atoms).expand(count, -1)
    present = place < length
    element = torch.where((place == 0) | (place == length - 1), 0, 1) * present
    x = (place - (length - 1) / 2) * present
    return element, torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], -1), present


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    torch.manual_seed(0)
    sizes = Sizes(atoms=5, elements=2, width=64, heads=4, inner_steps=10)
    model = Model(sizes)
    average = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    for step in range(options.steps):
        loss = train_step(model, rods(options.batch, sizes.atoms), optimizer, average)
        if step % 300 == 0 or step == options.steps - 1:
            print(f"step {step + 1}: loss {loss:.3f}")
    element, position, present = cut(*rods(500, sizes.atoms))
    pairs = present[:, 1:]
    for name, (e, x) in {"rods": (element, turned(position)), "drawn": sample(model, present)}.items():
        apart = (x[:, 1:] - x[:, :-1]).norm(dim=-1)[pairs]
        right = ((e == element) | ~present).all(1)
        print(
            f"{name}: atoms of a row are {apart.mean():.3f} apart (deviation {apart.std():.3f}), {right.float().mean():.3f}"
            " have the right elements"
        )


if __name__ == "__main__":
    main()
