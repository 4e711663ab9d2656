"""Weight-shared loops of blocks, and the states at their exits (arXiv 2604.09168)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from .layers import Block, Memory, Modulation


class Looped(nn.Module):
    """One group of blocks, applied to its own output any number of times.

    The blocks are conditioned on the clock alone, so their modulation is computed once and serves every repeat.
    """

    def __init__(self, layers: int, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, heads, expansion) for _ in range(layers))
        self._once: Callable[..., Tensor] = self.once

    def forward(
        self, x: Tensor, clock: Tensor, present: Tensor | None, loops: int, rows: Tensor | None = None
    ) -> Tensor:
        """``x`` (B, N, width) after ``loops`` repeats; ``rows`` (B, k): the only ones that the very last block updates."""
        return self.exits(x, clock, present, (loops,), rows)[0]

    def exits(
        self,
        x: Tensor,
        clock: Tensor,
        present: Tensor | None,
        after: Sequence[int],
        rows: Tensor | None = None,
    ) -> list[Tensor]:
        """The states after each of these numbers of repeats, in one run: what they share is computed once."""
        modulation = self.modulation(clock)
        states: dict[int, Tensor] = {}
        for k in range(1, max(after) + 1):
            x = self._once(x, modulation, present, rows if k == max(after) else None)
            states[k] = x
        return [states[k] for k in after]

    def modulation(self, clock: Tensor) -> list[Modulation]:
        """Of every block, the same in all repeats."""
        return [block.modulate(clock) for block in cast(list[Block], list(self.blocks))]

    def once(
        self, x: Tensor, modulation: list[Modulation], present: Tensor | None, rows: Tensor | None = None
    ) -> Tensor:
        """One repeat."""
        last = len(self.blocks) - 1
        for k, block in enumerate(cast(list[Block], list(self.blocks))):
            x = block.run(x, modulation[k], present, rows if k == last else None)
        return x

    def compile_once(self) -> None:
        """Compiles one repeat.  It serves every number of repeats and every exit, which plain Python counts outside it."""
        self._once = torch.compile(self.once, fullgraph=True)

    def remember(
        self, x: Tensor, clock: Tensor, seen: Tensor, loops: int, last: bool = False
    ) -> tuple[Tensor, list[Memory]]:
        """The output, and what `layers.recall` needs of every run of a block; ``last``: nothing follows."""
        modulation = self.modulation(clock)
        memory = []
        for k in range(loops):
            for j, block in enumerate(cast(list[Block], list(self.blocks))):
                ends = last and k == loops - 1 and j == len(self.blocks) - 1
                x, kept = block.remember(x, modulation[j], seen, ends)
                memory.append(kept)
        return x, memory
