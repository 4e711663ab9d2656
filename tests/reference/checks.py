"""An emitted sampler against what it should draw, under several conditions at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from .agreement import assert_law, assert_one_law
from .cells import Cells
from .chain import Chain
from .process import Condition, Process
from .sampling import Batch, emitted
from .simulation import Simulation

EACH = 2000
"""Samples per condition."""
MORE = 4
"""Simulated trajectories for each sample of a mixed process."""


def check_discrete(
    process: Process, conditions: Sequence[Condition], seed: int = 0, redenoise: int = 0
) -> None:
    """Samples, or the data after ReDeNoise, follow the law that the visits' matrices give."""
    batch, values = run(process, conditions, seed, redenoise)
    for row, condition in enumerate(conditions):
        chain = Chain(process, condition)
        law = chain.redenoise(redenoise) if redenoise else chain.sample()
        assert_law(batch.counts(row, values), law)


def check_mixed(
    process: Process,
    conditions: Sequence[Condition],
    seed: int = 0,
    redenoise: int = 0,
    simulation: type[Simulation] = Simulation,
) -> None:
    """Samples, or the data after ReDeNoise, follow the law of the simulated sampler."""
    batch, values = run(process, conditions, seed, redenoise)
    for row, condition in enumerate(conditions):
        simulated = simulation(process, condition, MORE * EACH, seed + 1)
        state = simulated.redenoise(simulated.data(), redenoise) if redenoise else simulated.sample()
        cells = Cells(state, condition.free(process.sites))
        assert_one_law(cells.counts(batch.state(row, values)), cells.counts(state))


def run(
    process: Process, conditions: Sequence[Condition], seed: int = 0, redenoise: int = 0, each: int = EACH
) -> tuple[Batch, dict[str, Any]]:
    """Rows of all conditions from one call of the emitted model; what is given and what is absent are checked."""
    model, batch = emitted(process), Batch(process, conditions, each, seed)
    generator = torch.Generator().manual_seed(seed)
    if redenoise:
        for row, condition in enumerate(conditions):
            batch.fill(row, Simulation(process, condition, each, seed + 2).data())
        values = model.redenoise(batch.examples, batch.given, generator, rounds=redenoise).values
    else:
        values = model.sample(batch.examples, batch.given, generator).values
    for name, held in batch.given.items():
        assert torch.equal(values[name][held], batch.examples.values[name][held])
    for row, condition in enumerate(conditions):
        state = batch.state(row, values)
        assert all(not np.any(state[site]) for site in condition.absent)
    return batch, values
