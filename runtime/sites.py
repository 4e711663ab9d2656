"""Examples: the values of every site of a batch, and which sites exist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Examples:
    """A batch, or a whole data set.

    ``values``: token variables are (B, sites) int64, real variables (B, sites, d) float32, scaled to [-1, 1] where the
    variable has a range; a variable outside plates has one site.  ``present``: per plate, (B, sites) bool.
    """

    values: dict[str, Tensor]
    present: dict[str, Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.values.values() if self.values else self.present.values())))

    def __getitem__(self, rows: slice) -> Examples:
        return self._each(lambda t: t[rows])

    def take(self, index: Tensor) -> Examples:
        """The examples at ``index``."""
        return self._each(lambda t: t[index])

    def to(self, device: torch.device | str) -> Examples:
        return self._each(lambda t: t.to(device))

    def _each(self, change) -> Examples:  # type: ignore[no-untyped-def]
        return Examples(
            {name: change(t) for name, t in self.values.items()},
            {name: change(t) for name, t in self.present.items()},
        )

    @staticmethod
    def cat(parts: Sequence[Examples]) -> Examples:
        """All parts, one after another."""
        first = parts[0]
        return Examples(
            {name: torch.cat([p.values[name] for p in parts]) for name in first.values},
            {name: torch.cat([p.present[name] for p in parts]) for name in first.present},
        )

    def sizes(self) -> dict[str, Tensor]:
        """How many sites of each plate exist, (B,) per plate."""
        return {name: present.sum(1) for name, present in self.present.items()}
