"""Runs an emitted model over several conditions in one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from emitted import module

from gencc.runtime.sites import Examples

from .agreement import Counts, counted
from .cells import State
from .process import PLATE, Condition, Process, Token


def emitted(process: Process) -> Any:
    """The emitted model."""
    found = module(process.text).Law
    frequencies = {
        f"{x.name}_frequencies": torch.tensor(x.frequencies)
        for x in process.variables
        if isinstance(x, Token) and x.frequencies is not None
    }
    return found(**frequencies)


class Batch:
    """Rows of ``conditions`` in turn; what nothing should read holds numbers drawn by ``seed``."""

    def __init__(self, process: Process, conditions: Sequence[Condition], each: int, seed: int = 0) -> None:
        self.process, self.conditions = process, conditions
        self.rows = torch.arange(each * len(conditions)) % len(conditions)
        generator = torch.Generator().manual_seed(1000 + seed)
        values: dict[str, torch.Tensor] = {}
        for x in process.variables:
            size = (len(self.rows), x.plate or 1)
            if isinstance(x, Token):
                values[x.name] = torch.randint(x.values, size, generator=generator)
            else:
                values[x.name] = 3 * torch.randn(*size, x.length, generator=generator)
        self.given = {}
        for x in process.variables:
            held = torch.zeros(len(self.rows), x.plate or 1, dtype=torch.bool)
            for row, condition in enumerate(conditions):
                for (name, i), value in condition.given.items():
                    if name == x.name:
                        held[self.rows == row, i] = True
                        values[name][self.rows == row, i] = torch.tensor(value, dtype=values[name].dtype)
            if held.any():
                self.given[x.name] = held
        sizes = {x.plate for x in process.variables if x.plate}
        present = torch.ones(len(self.rows), max(sizes, default=0), dtype=torch.bool)
        for row, condition in enumerate(conditions):
            for name, i in condition.absent:
                assert process.variable(name).plate
                present[self.rows == row, i] = False
        self.examples = Examples(values, {PLATE: present} if sizes else {})

    def fill(self, row: int, state: State) -> None:
        """Finished values of the sites in ``state``, under one condition."""
        for (name, i), value in state.items():
            kept = self.examples.values[name]
            kept[self.rows == row, i] = torch.as_tensor(value).to(kept.dtype)

    def state(self, row: int, values: dict[str, torch.Tensor]) -> State:
        """The rows of one condition, site by site."""
        drawn = {name: x[self.rows == row].numpy() for name, x in values.items()}
        return {(name, i): drawn[name][:, i] for name, i in self.process.sites}

    def counts(self, row: int, values: dict[str, torch.Tensor]) -> Counts:
        """How often each state of the sites that exist occurs under one condition; for discrete processes."""
        state = self.state(row, values)
        sites = [site for site in self.process.sites if site not in self.conditions[row].absent]
        shape = tuple(self.process.variable(name).values for name, _ in sites)  # type: ignore[union-attr]
        return counted(np.stack([state[site] for site in sites], 1), shape)
