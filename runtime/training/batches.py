"""Batches that do not depend on how many processes share them.

The global batch of a step is cut into *lanes*.  A lane's rows and its noise depend on (seed, step, lane) alone, so any
number of processes that divides the lanes sees the same batch and the same noise, and a resumed run the same as an
uninterrupted one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache

import torch
from torch import Tensor

from ..errors import UserError
from ..sites import Examples, widened

MOST_LANES = 8
SMALLEST = 16
"""Fewest examples of a part, unless the batch itself has fewer: below, a part costs more than its trimming saves."""


def lanes(batch: int, world: int) -> int:
    """How many lanes a global batch has: at most 8, a divisor of the batch and a multiple of the processes."""
    count = math.gcd(batch, max(MOST_LANES, world))
    if count % world:
        raise UserError(
            f"a batch of {batch} cannot be shared by {world} processes; use a multiple of {world}"
        )
    # On one process fewer lanes mean fewer small operations, but the noise must not depend on the world's size.
    return count


@lru_cache(maxsize=2)
def _permutation(examples: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(examples, generator=torch.Generator().manual_seed(mix(seed, epoch, -1)))


def mix(seed: int, step: int, lane: int) -> int:
    """One 63-bit seed out of three numbers (splitmix64 finaliser)."""
    z = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9 + (lane + 2) * 0x94D049BB133111EB) & (
        2**64 - 1
    )
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = ((z ^ (z >> shift)) * factor) & (2**64 - 1)
    return (z ^ (z >> 31)) >> 1


def rows(examples: int, batch: int, step: int, seed: int) -> Tensor:
    """Row numbers of a step's global batch: one permutation per epoch, read without gaps."""
    place = torch.arange(step * batch, (step + 1) * batch)
    return torch.stack([_permutation(examples, seed, int(p) // examples)[int(p) % examples] for p in place])


def noised(
    corrupt: Callable[[Examples, torch.Generator], dict[str, Tensor]],
    data: Examples,
    batch: int,
    step: int,
    seed: int,
    rank: int,
    world: int,
    device: torch.device,
    plates: Mapping[str, str] | None = None,
    visits: int = 1,
) -> list[dict[str, Tensor]]:
    """This process's share of a step's batch, noised, in parts of equally many examples.

    ``plates``, the plate of each variable that is in one, asks for plates to be trimmed: examples are sorted by length,
    and each part is only as long as its longest one.  Without it there is one part.  Each example is noised ``visits``
    times, independently, in rows that follow one another: the mean loss has the same expectation for any number.
    """
    index = rows(len(data), batch, step, seed)
    if plates:
        index = index[data.take(index).lengths().argsort(stable=True)]
    count = lanes(batch, world)
    size = batch // count
    noisy = []
    for lane in range(rank, count, world):
        generator = torch.Generator(device).manual_seed(mix(seed, step, lane))
        examples = data.take(index[lane * size : (lane + 1) * size])
        examples = examples.trimmed(plates) if plates else examples
        if visits > 1:
            examples = examples.take(torch.arange(len(examples)).repeat_interleave(visits))
        noisy.append(corrupt(examples.to(device), generator))
    parts = math.gcd(len(noisy), max(1, len(noisy) * size * visits // SMALLEST)) if plates else 1
    share = len(noisy) // parts
    return [_merged(noisy[k * share : (k + 1) * share]) for k in range(parts)]


def _merged(lanes: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Lanes of one part; shorter ones get absent sites."""
    longest = {name: max(x[name].shape[1] for x in lanes) for name, t in lanes[0].items() if t.dim() > 1}
    return {
        name: torch.cat([widened(x[name], longest[name]) if name in longest else x[name] for x in lanes])
        for name in lanes[0]
    }
