"""Interleaved Gibbs diffusion on 3-SAT, written by hand: the clear program that `specs/igd_sat3.gen` is timed against.

    python benchmarks/handwritten_sat3.py        # trains on random formulas for some minutes, then solves others

A formula is C clauses of three literals and is given; an assignment of its V variables is drawn (arXiv 2502.13450).  A
round of the forward process visits every variable, which keeps its value with a probability or is drawn anew.  Clauses
and variables are tokens of a DiT-like transformer, the blocks of which are those of benchmarks/handwritten.py.  The
network predicts the clean value of the visited variable; a visit draws from the value before it that this implies.
All formulas have the same size, so nothing is masked.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from handwritten import Block, Clock
from torch import Tensor, nn

Network = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Sizes:
    variables: int = 9
    clauses: int = 51
    width: int = 64
    layers: int = 6
    heads: int = 4
    rounds: int = 6

    @property
    def visits(self) -> int:
        """Of a whole trajectory."""
        return self.variables * self.rounds


class Model(nn.Module):
    """Logits (B, V, 2) of the clean value of every variable."""

    keep: Tensor

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.width
        self.literal = nn.Embedding(2 * sizes.variables, width)
        self.value = nn.Embedding(3, width)  # the last one hides the queried variable
        self.variable = nn.Parameter(0.02 * torch.randn(sizes.variables, width))
        self.clock = Clock(width)
        self.blocks = nn.ModuleList(Block(width, sizes.heads) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 2)
        self.register_buffer("keep", torch.linspace(1, 0, sizes.rounds + 1))  # after so many visits

    def forward(self, formula: Tensor, x: Tensor, query: Tensor, t: Tensor) -> Tensor:
        """``formula`` (B, C, 3) literals, ``x`` (B, V), ``query`` (B, V): the variable asked about, ``t`` (B,) in [0, 1]."""
        clauses = self.literal(formula).sum(2)
        variables = self.value(torch.where(query, 2, x)) + self.variable
        h = torch.cat([clauses, variables], 1)
        clock = self.clock(t)
        for block in self.blocks:
            h = block(h, clock)
        out: Tensor = self.out(self.norm(h[:, formula.shape[1] :]))
        return out


# ---- training


def corrupt(model: Model, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The state at a random visit of each sample: values, the queried variable, the time."""
    s = model.sizes
    visit = torch.randint(s.visits, (len(x), 1), device=x.device)
    round_, which = visit // s.variables, visit % s.variables
    variables = torch.arange(s.variables, device=x.device)
    count = round_ + (variables < which)
    kept = torch.rand(x.shape, device=x.device) < model.keep[count]
    noisy = torch.where(kept, x, torch.randint_like(x, 2))
    return noisy, variables == which, visit[:, 0] / s.visits


def train_step(
    model: Model,
    formula: Tensor,
    x: Tensor,
    optimizer: torch.optim.Optimizer,
    average: list[Tensor],
    network: Network | None = None,
) -> Tensor:
    """One step on formulas (B, C, 3) and assignments (B, V), and of the weights' moving average."""
    network = model if network is None else network
    noisy, query, t = corrupt(model, x)
    logits = network(formula, noisy, query, t)
    cost = F.cross_entropy(logits.transpose(1, 2), x, reduction="none")
    loss = (cost * query).sum(1).mean()
    optimizer.zero_grad()
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        torch._foreach_lerp_(average, list(model.parameters()), 0.002)
    return loss.detach()


# ---- sampling


@torch.no_grad()
def visit(model: Model, formula: Tensor, x: Tensor, number: int, network: Network | None = None) -> Tensor:
    """Undoes visit ``number`` of the trajectory: one variable is drawn anew."""
    s = model.sizes
    network = model if network is None else network
    batch, device = len(x), x.device
    round_, which = divmod(number, s.variables)
    query = (torch.arange(s.variables, device=device) == which).expand(batch, -1)
    logits = network(formula, x, query, torch.full((batch,), number / s.visits, device=device))
    keep = model.keep[round_]
    law = keep * logits[:, which].float().softmax(-1) + (1 - keep) / 2
    x = x.clone()
    x[:, which] = torch.multinomial(law, 1)[:, 0]
    return x


@torch.no_grad()
def sample(model: Model, formula: Tensor) -> Tensor:
    """An assignment (B, V) for each formula."""
    s = model.sizes
    x = torch.randint(2, (len(formula), s.variables), device=formula.device)
    for number in reversed(range(s.visits)):
        x = visit(model, formula, x, number)
    return x


def planted(sizes: Sizes, count: int) -> tuple[Tensor, Tensor]:
    """Random formulas that a random assignment satisfies, and the assignment."""
    x = torch.randint(2, (count, sizes.variables))
    shape = (count, sizes.clauses, sizes.variables)
    which = torch.rand(shape).argsort(-1)[..., :3]
    truth = x[:, None].expand(shape).gather(2, which)
    negated = torch.randint(2, which.shape)
    failed = (truth == negated).all(-1)  # no literal holds: turn the first one round
    negated[..., 0] = torch.where(failed, 1 - negated[..., 0], negated[..., 0])
    return 2 * which + negated, x


def satisfied(formula: Tensor, x: Tensor) -> Tensor:
    """Which clauses hold, (B, C)."""
    truth = x[:, None].expand(-1, formula.shape[1], -1).gather(2, formula // 2)
    return (truth != formula % 2).any(-1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=64)
    options = parser.parse_args()
    torch.manual_seed(0)
    sizes = Sizes(variables=5, clauses=21)
    model = Model(sizes)
    average = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=True)
    for step in range(options.steps):
        loss = train_step(model, *planted(sizes, options.batch), optimizer, average)
        if step % 200 == 0 or step == options.steps - 1:
            print(f"step {step + 1}: loss {loss:.3f}")
    formula, _ = planted(sizes, 500)
    guesses = {"drawn": sample(model, formula), "at random": torch.randint(2, (500, sizes.variables))}
    for name, x in guesses.items():
        holds = satisfied(formula, x)
        print(
            f"{name}: {holds.float().mean():.3f} of clauses hold, {holds.all(1).float().mean():.3f} of formulas"
        )


if __name__ == "__main__":
    main()
