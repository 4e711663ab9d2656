"""Rewards of pictures: one number for each picture and its prompt, higher is better."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from torch import Tensor

from ..shaping.rewards import Worker


class Reward(ABC):
    """What pictures are selected by."""

    name: str

    @abstractmethod
    def __call__(self, pixels: np.ndarray, prompts: list[str]) -> Tensor:
        """Rewards (B,) in float64 of ``pixels`` (B, height, width, 3) uint8; nan rejects."""

    def close(self) -> None:  # noqa: B027
        """Ends what the reward keeps running, if anything."""


class Python(Reward):
    """``function`` of a file of the user's: it gets a dictionary with the columns ``image``, arrays (height, width, 3) of
    bytes, and ``prompt``, and returns a number for each row (None or nan to reject)."""

    def __init__(self, file: Path, function: str) -> None:
        self.worker = Worker(file, function)
        self.name = self.worker.name

    def __call__(self, pixels: np.ndarray, prompts: list[str]) -> Tensor:
        return self.worker.rewards({"prompt": prompts}, len(prompts), {"image": pixels})

    def close(self) -> None:
        self.worker.close()
