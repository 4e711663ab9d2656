"""Rewards: one number for each finished sample, higher is better; not a number means that the sample is rejected."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ..data import Codec
from ..errors import UserError
from ..sites import Examples

LIMIT = 60.0
"""Seconds that a function of the user's may take over one batch."""


class Scored(Protocol):
    """A report that says something of single samples."""

    def scores(self, metric: str, samples: Examples, codec: Codec) -> Tensor: ...


class Reward(ABC):
    """What samples are selected by."""

    name: str

    @abstractmethod
    def __call__(self, samples: Examples, codec: Codec) -> Tensor:
        """Rewards (B,) in float64 of ``samples``, on the CPU."""

    def close(self) -> None:  # noqa: B027
        """Ends what the reward keeps running, if anything."""


class Measured(Reward):
    """A metric of the report, turned so that higher is better."""

    def __init__(self, report: Scored, metric: str) -> None:
        self.report, self.name = report, metric

    def __call__(self, samples: Examples, codec: Codec) -> Tensor:
        return self.report.scores(self.name, samples, codec).double()


class Python(Reward):
    """``function`` of a file of the user's, in a process of its own, one call a batch.

    It gets a dictionary of columns, as a reader of the samples' table would find them, and returns a number for each row
    (None or nan to reject).  What it prints goes to stderr.
    """

    def __init__(self, file: Path, function: str, limit: float = LIMIT) -> None:
        self.file, self.function, self.limit = file, function, limit
        self.name = f"{file.name}:{function}"
        self._worker: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def __call__(self, samples: Examples, codec: Codec) -> Tensor:
        answer = self._ask({"columns": codec.columns(samples)})
        if "error" in answer:
            raise UserError(f"{self.file}: {self.function} failed: {answer['error']}")
        found = answer["rewards"]
        if len(found) != len(samples):
            raise UserError(
                f"{self.file}: {self.function} returned {len(found)} rewards for {len(samples)} samples"
            )
        return torch.tensor([float("nan") if r is None else r for r in found], dtype=torch.float64)

    def _ask(self, question: dict[str, object]) -> dict[str, list[float | None]]:
        if not self.file.is_file():
            raise UserError(f"{self.file}: no such file; a reward's path is taken from the spec's folder")
        if self._worker is None:
            command = [sys.executable, "-m", "gencc.runtime.shaping.worker", str(self.file), self.function]
            self._worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._worker.stdin is not None
        try:
            self._worker.stdin.write(json.dumps(question).encode() + b"\n")
            self._worker.stdin.flush()
        except BrokenPipeError:
            pass  # the answer, or its absence, says why
        answer: dict[str, list[float | None]] = json.loads(self._line())
        return answer

    def _line(self) -> bytes:
        """The next line of the worker."""
        assert self._worker is not None and self._worker.stdout is not None
        until = time.monotonic() + self.limit
        with selectors.DefaultSelector() as ready:
            ready.register(self._worker.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not ready.select(max(0.0, until - time.monotonic())):
                    self.close()
                    raise UserError(
                        f"{self.file}: {self.function} took more than {self.limit:g} s over one batch; make it faster, or "
                        "allow more with --reward-limit"
                    )
                more = os.read(self._worker.stdout.fileno(), 1 << 16)
                if not more:
                    self.close()
                    raise UserError(f"{self.file}: the process of {self.function} ended without an answer")
                self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def close(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()
            self._worker, self._unread = None, b""
