"""The any-time strip of a run: how samples look at every number of repeats, while the network learns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..data import Codec
from ..loop_counts import SHOWN, label
from ..report import Report
from ..sites import Examples

SHARE = 0.05
"""Strips are left out while they have taken more than this share of the run's time; the last is always drawn."""


@dataclass
class Strip:
    """A row of samples for each number of repeats from 1 to ``most``, all from the same noise.

    ``trained``: the repeats of training.  A sample of each row takes ``most (most + 1) / 2`` repeats together.
    """

    trained: int
    most: int
    seconds: float = 0.0
    """What the strips of this process have taken."""

    def due(self, elapsed: float) -> bool:
        """Whether one more is within its share of ``elapsed`` seconds of the run."""
        return self.seconds <= SHARE * elapsed

    def draw(
        self,
        start: Examples,
        sample: Callable[[Examples, int], Examples],
        report: Report,
        codec: Codec,
        path: Path,
    ) -> float:
        """Writes the picture; ``sample`` draws on ``start`` at a number of repeats.  Returns the seconds it took."""
        since = time.perf_counter()
        few, counts = start[: min(SHOWN, report.shown)], range(1, self.most + 1)
        report.draw({label(k, self.trained): sample(few, k) for k in counts}, codec, path)
        spent = time.perf_counter() - since
        self.seconds += spent
        return spent
