"""The fine-tuning program of a text-to-image pipeline: pictures, rewards, selection, and the training of an adapter."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import checkpoints, paths, ranges
from ..adapters import newest
from ..data import Codec
from ..errors import UserError
from ..shaping import collection, selection
from ..shaping.program import limits
from ..shaping.rounds import Rounds, fared
from ..sites import Examples
from ..training import program
from ..training.batches import mix
from . import pipelines
from .grid import sheet
from .model import Tuned
from .rewards import Python, Reward

SHOWN = 8
"""Pictures in a row of the comparison."""


class Session(Rounds):
    """One call of the program."""

    def load(self, name: str, beside: Path, scheduler: str) -> Any:
        """The reference: the pipeline of the spec, or that of the command line.

        Raises:
            UserError: there is no such pipeline.
        """
        return pipelines.reference(self.options.run, name, beside, scheduler, self.run.device)

    def shape(
        self,
        model: Tuned,
        optimizer: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer],
        *,
        reward: Reward,
        select: selection.Selection,
        states: str,
        rounds: int,
        prompts: Path,
        held_out: Path | None = None,
        expected: float | None = None,
        warmup: int,
        clip: float,
        ema: float,
        log_every: int,
        save_every: int,
    ) -> None:
        """Rounds of: draw pictures of each prompt, reward, select, train; then compares the adapter with the reference.

        ``held_out`` are prompts of that comparison; without them it draws fresh pictures of the same ``prompts``.

        Raises:
            UserError: no prompts, nothing is accepted, or the folder holds another run.
        """
        options = self.options
        if isinstance(reward, Python):
            reward.worker.limit, reward.worker.start = options.reward_limit, options.reward_start
        root: Path = options.out
        texts = pipelines.read_prompts(prompts)
        others = pipelines.read_prompts(held_out) if held_out is not None else texts
        self.prepare(root)
        if options.checkpointing:
            model.unet.enable_gradient_checkpointing()
        model.prompted(texts)
        starts = self._starts(len(texts), select.of)

        def drawn(part: collection.Batch) -> collection.Drawn:
            rows = starts.values["prompt"][part.groups, 0].repeat_interleave(select.of)
            asked = [texts[row] for row in rows.tolist()]
            seeds = [mix(part.seed, k, -5) for k in range(len(asked))]
            found = model.draw(asked, seeds)
            states, latents = (
                Examples({"latent": t, "prompt": rows[:, None]}, {}) for t in (found.states, found.latents)
            )
            rewarded = reward(found.pixels, asked).masked_fill(torch.tensor(found.withheld), torch.nan)
            return collection.Drawn(states, latents, rewarded, seeds, {"prompt": asked})

        try:
            tag = {"level": model.level, "pipeline": model.reference, "prompts": texts}
            self.go(
                model, root, rounds, starts, drawn, reward.name, tag, select, states, Codec({}), lambda: optimizer(model.weights()),
                expected=expected, warmup=warmup, clip=clip, ema=ema, log_every=log_every, save_every=save_every,
            )  # fmt: skip
            if self.run.rank == 0:
                model.pipeline.save_lora_weights(root / "adapter", unet_lora_layers=model.state_dict())
                self.say(f"adapter, as diffusers reads it -> {root / 'adapter'}")
                self._compare(model, root, others, reward)
        finally:
            reward.close()

    def _starts(self, known: int, of: int) -> Examples:
        """The prompt's number of each group: all prompts in turn, in a random order."""
        groups = max(1, self.options.samples // of)
        g = torch.Generator().manual_seed(mix(self.options.seed, -1, 1))
        shuffled = torch.randperm(known, generator=g)
        return Examples({"prompt": shuffled[torch.arange(groups) % known][:, None]}, {})

    def _compare(self, model: Tuned, root: Path, prompts: list[str], reward: Reward) -> None:
        """Reward and variety of fresh pictures: tuned and reference, from the same noise."""
        options = self.options
        asked = [prompts[k % len(prompts)] for k in range(options.compare)]
        seeds = [mix(options.seed, k, -3) for k in range(len(asked))]
        found: dict[str, dict[str, float]] = {}
        scores: dict[str, Tensor] = {}
        rows = []
        for which in ("reference", "tuned"):
            parts = [
                model.draw(asked[k:][: options.sample_batch], seeds[k:][: options.sample_batch], which == "tuned")
                for k in range(0, len(asked), options.sample_batch)
            ]  # fmt: skip
            pixels = np.concatenate([p.pixels for p in parts])
            withheld = torch.tensor([w for p in parts for w in p.withheld])
            scores[which] = reward(pixels, asked).masked_fill(withheld, torch.nan)
            found[which] = {**fared(scores[which]), "variety": variety(pixels, asked)}
            rows.append(pixels[:SHOWN])
        gain = (scores["tuned"] - scores["reference"])[~(scores["tuned"] + scores["reference"]).isnan()]
        self.compared(root, found)
        self.say(
            f"{'gain from same noise':>20}  {float(gain.mean()):>10.4f} +- {float(gain.std()) / max(1, len(gain)) ** 0.5:.4f}"
        )
        sheet(rows, root / "comparison.png")


def variety(pixels: np.ndarray, prompts: list[str]) -> float:
    """Root mean square difference of the pixels, in [0, 1], of two pictures of one prompt; nan where none has two.

    It falls when an adapter draws ever the same picture, whatever the reward says.
    """
    by_prompt: dict[str, list[int]] = {}
    for k, prompt in enumerate(prompts):
        by_prompt.setdefault(prompt, []).append(k)
    squares = []
    for rows in by_prompt.values():
        if len(rows) > 1:
            values = pixels[rows].astype(np.float64) / 255
            squares.append(2 * values.var(axis=0, ddof=1).mean())  # E|x - y|^2 of two independent ones
    return float(np.sqrt(np.mean(squares))) if squares else math.nan


def begin(
    description: str | None,
    here: Path,
    pipeline: str,
    out: str,
    samples: int,
    steps: int,
    batch: int,
    sample_batch: int,
    seed: int,
    precision: str,
    python: bool = False,
) -> Session:
    """Reads the command line."""
    parser = program.arguments(description, out, steps, batch, seed, precision)
    parser.set_defaults(compile="no")
    parser.add_argument(
        "--pipeline", "--base", dest="run", type=paths.name, default=None, metavar="PATH",
        help=f"folder or hub name of the reference (default {pipeline})",
    )  # fmt: skip
    parser.add_argument(
        "--samples",
        type=ranges.whole(),
        default=samples,
        help=f"pictures drawn for each round (default {samples})",
    )
    parser.add_argument(
        "--sample-batch",
        type=ranges.whole(),
        default=sample_batch,
        help=f"pictures drawn together (default {sample_batch})",
    )
    parser.add_argument(
        "--compare",
        type=ranges.whole(),
        default=64,
        help="fresh pictures that compare tuned and reference (default 64)",
    )
    parser.add_argument(
        "--checkpointing",
        action="store_true",
        help="keep fewer activations while training, and compute them again: less memory, more time",
    )
    limits(parser, python)
    return Session(program.join(parser, here))


def attach(model: Tuned, run: Path, weights: str) -> Path:
    """Gives ``model`` the adapter of a fine-tuning run; its checkpoint.

    Raises:
        UserError: no adapter there, or one tuned on another pipeline.
    """
    checkpoint = checkpoints.load(newest(run))
    found = checkpoint.meta.get("adapter", {})
    if found.get("kind") != "peft":
        raise UserError(f"{checkpoint.path}: holds no adapter of a pipeline")
    if found["reference"] != model.reference:
        raise UserError(
            f"{checkpoint.path}: was tuned on another pipeline than this one; name that with --pipeline"
        )
    model.load_state_dict(checkpoint.part(weights) or checkpoint.part("model"))
    return checkpoint.path
