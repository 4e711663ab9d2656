"""What a run writes down: a line on the screen, ``log.jsonl``, TensorBoard."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Log:
    """Progress of one run; silent on every process but the first."""

    def __init__(self, folder: Path, steps: int, start: int, active: bool) -> None:
        self.active = active
        self.steps = steps
        self.began, self.first = time.perf_counter(), start
        self.console = Console(file=sys.stderr)
        self._bar: Progress | None = None
        self._task = TaskID(0)
        if not active:
            return
        self._file = open(folder / "log.jsonl", "a", encoding="utf-8")  # noqa: SIM115
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._board: Any = SummaryWriter(folder / "tensorboard")
        except ImportError:
            self._board = None
        if self.console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=self.console,
            )
            self._task = self._bar.add_task("training", total=steps, completed=start)
            self._bar.start()

    @property
    def elapsed(self) -> float:
        """Seconds of the run in this process."""
        return time.perf_counter() - self.began

    def say(self, text: str) -> None:
        if self.active:
            self.console.print(text, highlight=False)

    def write(self, kind: str, step: int, numbers: dict[str, float]) -> None:
        """One record of numbers, e.g. kind "train" with a loss per variable."""
        if not self.active:
            return
        self._file.write(
            json.dumps({"kind": kind, "step": step, **{k: round(v, 6) for k, v in numbers.items()}}) + "\n"
        )
        self._file.flush()
        if self._board is not None:
            for name, value in numbers.items():
                self._board.add_scalar(f"{kind}/{name}", value, step)
        shown = "  ".join(f"{k} {v:.4g}" for k, v in numbers.items())
        if self._bar is not None and kind == "train":
            self._bar.update(self._task, completed=step, description=shown)
            return
        left = self.elapsed / max(step - self.first, 1) * (self.steps - step)
        ahead = f"  {int(left // 60)}:{int(left % 60):02d} left" if kind == "train" else ""
        self.say(f"{kind:>5} {step:>7}/{self.steps}  {shown}{ahead}")

    def close(self) -> None:
        if not self.active:
            return
        if self._bar is not None:
            self._bar.stop()
        self._file.close()
        if self._board is not None:
            self._board.close()
