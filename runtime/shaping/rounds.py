"""Rounds of fine-tuning, whatever is tuned: collect groups, select, train on the accepted, resume."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import torch
from torch import Tensor, nn

from .. import checkpoints
from ..adapters import newest
from ..data import Codec, Dataset
from ..errors import UserError
from ..files import write_atomically
from ..sites import Examples
from ..training.batches import mix
from ..training.run import Course, Run
from . import collection, selection

HELD_OUT = 0.1
"""Share of the accepted samples that only measures the loss."""


class Learner(nn.Module):
    """What `Rounds.train` trains: a module whose state is the adapter alone."""

    def describe(self) -> dict[str, Any]:
        """What a checkpoint says of the adapter."""
        raise NotImplementedError


class Rounds:
    """The rounds of one call of a fine-tuning program, in the folders ``round-N`` of its run."""

    def __init__(self, run: Run) -> None:
        self.run, self.options = run, run.options

    def say(self, text: str) -> None:
        if self.run.rank == 0:
            print(text, flush=True)

    def prepare(self, root: Path) -> None:
        """Looks into the run's folder before anything is drawn.

        Raises:
            UserError: it holds a run, and nothing says what becomes of it; or none, and one is to go on.
        """
        options = self.options
        held = any(root.glob("round-*"))
        if held and options.overwrite and self.run.rank == 0:
            for folder in root.glob("round-*"):
                shutil.rmtree(folder)
        elif held and not options.resume and not options.overwrite:
            raise UserError(
                f"{root}: already holds a run; go on with --resume, replace it with --overwrite, or choose another --out"
            )
        elif options.resume and not held:
            raise UserError(f"{root}: holds no run to go on with; leave out --resume, or name another --out")
        self.barrier()

    def barrier(self) -> None:
        if self.run.world > 1:
            torch.distributed.barrier()

    def go(
        self,
        whole: Learner,
        root: Path,
        rounds: int,
        starts: Examples,
        drawn: Callable[[collection.Batch], collection.Drawn],
        reward: str,
        tag: dict[str, Any],
        select: selection.Selection,
        states: str,
        codec: Codec,
        optimizer: Callable[[], torch.optim.Optimizer],
        *,
        expected: float | None = None,
        copies: Callable[[collection.Collection], Tensor | None] = lambda found: None,
        **training: Any,
    ) -> None:
        """Rounds of: draw groups, select by the reward of that name, train ``whole`` on the accepted; each begins with what
        the one before has learned.

        ``tag`` says what samples are drawn from, ``copies`` numbers what is alike; ``training`` is passed to `train`.
        """
        for number in range(1, rounds + 1):
            folder = root / f"round-{number}"
            if not self.finished(folder):
                found = self.collected(folder, number, starts, select.of, drawn, {**tag, "reward": reward})
                rows = self.accepted(folder, number, found, select, reward, expected, copies(found))
                chosen = found.states if states == "trajectory" else found.samples
                self.train(whole, folder, chosen.take(rows), codec, optimizer(), **training)
            whole.load_state_dict(self.learned(folder))

    def finished(self, folder: Path) -> bool:
        """Whether a round has been trained to its end."""
        found = sorted((folder / "checkpoints").glob("[0-9]*.safetensors"))
        return bool(found) and checkpoints.load(found[-1]).step == self.options.steps

    def collected(
        self,
        folder: Path,
        number: int,
        starts: Examples,
        of: int,
        drawn: Callable[[collection.Batch], collection.Drawn],
        tag: dict[str, Any],
    ) -> collection.Collection:
        """Groups of ``of`` samples of round ``number``, drawn or found in its folder."""
        run, options = self.run, self.options
        parts = collection.batches(folder / "samples", starts, of, options.sample_batch, options.seed, number)
        tag = {**tag, "of": of, "round": number, "seed": options.seed, "spec": checkpoints.digest(run.spec)}

        def progress(k: int, total: int) -> None:
            if k == total or k % max(1, total // 10) == 0:
                self.say(f"round {number}: {k} of {total} batches drawn")

        collection.collect(parts, of, drawn, run.rank, run.world, tag, progress)
        self.barrier()
        return collection.read(parts, of)

    def accepted(
        self,
        folder: Path,
        number: int,
        found: collection.Collection,
        select: selection.Selection,
        reward: str,
        expected: float | None = None,
        copies: Tensor | None = None,
    ) -> Tensor:
        """Row numbers of the accepted samples; also writes them down and says how they fared.

        ``reward`` is its name; ``expected`` the percentile that the selection implies; ``copies`` numbers what is alike.

        Raises:
            UserError: nothing is accepted.
        """
        g = torch.Generator().manual_seed(mix(self.options.seed, number, -2))
        kept = selection.select(select, found.reward, g, copies)
        finite = found.reward[~found.reward.isnan()]
        if not bool(kept.any()):
            raise UserError(
                f"{folder}: no sample was accepted ({len(finite)} of {kept.numel()} have a reward); lower the threshold, or draw "
                "more with --samples"
            )
        rejected = kept.numel() - len(finite)
        self.say(
            f"round {number}: accepted {int(kept.sum()):,} of {kept.numel():,}"
            + (f", {rejected} of them without a reward" if rejected else "")
            + f"; {reward} {float(finite.mean()):.4f} in all, {float(found.reward[kept].mean()):.4f} accepted; percentile "
            f"{_percentile(found.reward, kept):.3f}"
            + (f" ({expected:.3f} expected)" if expected is not None and number == 1 else "")
        )
        if self.run.rank == 0:
            flat = kept.flatten()
            table = {
                "group": torch.arange(kept.numel())[flat] // select.of,
                "seed": found.seed[flat],
                "row": found.row[flat],
                "reward": found.reward.flatten()[flat],
            }
            columns = pa.table({k: v.tolist() for k, v in table.items()})
            write_atomically(folder / "accepted.parquet", lambda t: pa.parquet.write_table(columns, t))
        return kept.flatten().nonzero()[:, 0]

    def train(
        self,
        whole: Learner,
        folder: Path,
        accepted: Examples,
        codec: Codec,
        optimizer: torch.optim.Optimizer,
        *,
        warmup: int,
        clip: float,
        ema: float,
        log_every: int,
        save_every: int,
        trim: bool = False,
        course: Course | None = None,
    ) -> None:
        """Trains ``whole`` on the accepted, or goes on training it."""
        run = self.run
        order = torch.randperm(len(accepted), generator=torch.Generator().manual_seed(self.options.seed))
        aside = int(HELD_OUT * len(accepted))
        split = Dataset(accepted.take(order[aside:]), accepted.take(order[:aside]), codec)
        run.folder = folder
        run.options.resume = any((folder / "checkpoints").glob("[0-9]*.safetensors"))
        run.extra = whole.describe()
        run.fit(
            whole, optimizer, split, warmup=warmup, decay="cosine", clip=clip, ema=ema,
            log_every=log_every, eval_every=save_every, save_every=save_every, trim=trim, course=course, repeat=True,
        )  # fmt: skip
        self.barrier()

    @staticmethod
    def learned(folder: Path) -> dict[str, Tensor]:
        """The adapter of a finished round, averaged where an average was kept."""
        checkpoint = checkpoints.load(newest(folder))
        return checkpoint.part("ema") or checkpoint.part("model")

    def compared(self, root: Path, found: dict[str, dict[str, float]]) -> None:
        """Prints the measures of each kind of samples, and writes them down."""
        names = list(next(iter(found.values())))
        self.say(f"{'':>20}  " + "  ".join(f"{which:>10}" for which in found))
        for name in names:
            self.say(f"{name:>20}  " + "  ".join(f"{found[which][name]:>10.4f}" for which in found))
        write_atomically(root / "comparison.json", lambda t: t.write_text(json.dumps(found, indent=2) + "\n"))


def fared(scores: Tensor) -> dict[str, float]:
    """The mean of rewards and its standard error; nan counts for nothing."""
    kept = scores[~scores.isnan()]
    return {
        "reward": float(kept.mean()),
        "reward error": float(kept.std()) / math.sqrt(max(1, len(kept))),
    }


def _percentile(reward: Tensor, accepted: Tensor) -> float:
    """Mean percentile of the accepted under the reference's law of rewards in their groups.

    A sample that beats a share s of the other m - 1 of its group is expected at percentile (s (m - 1) + 1) / (m + 1).
    """
    m = reward.shape[1]
    if m > 1:
        return (selection.percentile(reward, accepted) * (m - 1) + 1) / (m + 1)
    flat = reward.flatten()[None]
    return selection.percentile(flat, accepted.flatten()[None])
