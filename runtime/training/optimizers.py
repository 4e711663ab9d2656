"""Two optimisers as one: for the matrices of the blocks, and for everything else."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ..layers import Block

Weights = list[nn.Parameter]


def matrices(model: nn.Module) -> tuple[Weights, Weights]:
    """The matrices of attention and feed-forward layers, and all other weights of ``model``.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) is for the former: matrices that take rows to rows.
    Embeddings, heads, modulation, biases and norms are not.
    """
    chosen: dict[int, nn.Parameter] = {}
    for block in (m for m in model.modules() if isinstance(m, Block)):
        for part in (block.attention, block.mlp):
            chosen |= {id(p): p for p in part.parameters() if p.dim() == 2}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    return list(chosen.values()), rest


class Together(torch.optim.Optimizer):
    """Several optimisers that step together, with the groups of all of them; a checkpoint holds them as one."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._share()

    def _share(self) -> None:
        """The parts work on the groups and the state that are seen here."""
        groups = iter(self.param_groups)
        for part in self.parts:
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.state = self.state

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()
