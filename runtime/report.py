"""What training, sampling and fine-tuning ask of the measures of a kind of data."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from .data import Codec
from .sites import Examples


class Report(Protocol):
    """How samples are shown and measured; ``shown`` of them make a picture."""

    shown: int

    def draw(self, rows: dict[str, Examples], codec: Codec, path: Path) -> None: ...

    def measure(self, samples: Examples, real: Examples, codec: Codec) -> dict[str, float]: ...
