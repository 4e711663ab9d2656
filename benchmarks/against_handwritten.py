"""Emitted programs against benchmarks/handwritten.py: samplers and training steps, timed side by side.

    python benchmarks/against_handwritten.py                     # eager, fp32, batch 16; a few minutes on one thread
    python benchmarks/against_handwritten.py --compiled --precision bf16
    python benchmarks/against_handwritten.py --growth            # how the ratios move with sites, rounds, steps, batch
    python benchmarks/against_handwritten.py --tokens split      # 50 tokens in both

Both sides are timed in one process, taking turns; a row gives the median of the paired ratios hand-written / emitted
(above 1: the emitted program is faster) with their range, then each side's median time with its range.  On one CPU
thread the time is CPU time, else wall time.

What the ratios hold:

- The two are different models of the same process.  The emitted one says `inner = head`: its transformer runs once per
  visit of a box and a small head takes the K inner steps; the hand-written one runs the transformer K times.  That is
  most of the sampler's ratio and a choice of model, not of code.  `--inner joint` gives the emitted one the naive form.
- A plate's element is one token in the emitted model, 25 in all; the hand-written one has a token per site, 50.  That
  alone is worth about 2, in training as well.  `--tokens split` puts categories and boxes in plates of their own, so that
  the emitted model has 50 tokens too (and no longer knows from its architecture which box belongs to which category).
- A training step of the emitted model scores each box at four noise levels (`train.draws`), the hand-written one at one.
- With `--compiled`, the hand-written network, the emitted trunk and head (sampling) and the emitted model (training) are
  each wrapped in `torch.compile`; emitted sample.py does not do this by itself.

`% of roof` is a model's floating-point operations over its time, against a large matrix product at the same precision.
Memory is how far a fresh process's resident set rises (on a GPU: the allocator's peak) while the work is done once.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import itertools
import json
import math
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import handwritten
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from gencc.runtime import order
from gencc.runtime.sites import Examples

SPEC = Path(__file__).resolve().parent / "sizes.gen"
JOBS = ("visit of a category", "visit of a box", "round", "training step")
_number = itertools.count()


@dataclass(frozen=True)
class Setting:
    batch: int
    width: int
    layers: int
    heads: int
    elements: int
    rounds: int
    inner_steps: int
    tokens: str
    inner: str
    precision: str
    device: str
    threads: int

    @property
    def sizes(self) -> handwritten.Sizes:
        own = {f.name for f in fields(handwritten.Sizes)}
        return handwritten.Sizes(**{k: v for k, v in asdict(self).items() if k in own})

    def text(self) -> str:
        """The spec at these sizes."""
        text = SPEC.read_text(encoding="utf-8")
        swaps = {
            "element[25]": f"element[{self.elements}]",
            "rounds = 2": f"rounds = {self.rounds}",
            "steps = 10)": f"steps = {self.inner_steps})",
            "width  = 256": f"width  = {self.width}",
            "heads  = 8": f"heads  = {self.heads}",
            "layers = 6": f"layers = {self.layers}",
            "inner  = head": f"inner  = {self.inner}",
            "batch     = 16": f"batch     = {self.batch}",
        }
        if self.tokens == "split":
            swaps["  box      : real"] = f"}}\n\nplate frame[{self.elements}] {{\n  box      : real"
        for old, new in swaps.items():
            assert text.count(old) == 1, f"{SPEC.name} no longer has `{old}`"
            text = text.replace(old, new)
        return text

    def precise(self) -> Any:
        return torch.autocast(self.device, torch.bfloat16, enabled=self.precision == "bf16")


class Path_:
    """Some visits of a trajectory, in the form that emitted samplers walk."""

    def __init__(self, visits: list[order.Visit]) -> None:
        self.visits = visits

    def backwards(self) -> Iterator[order.Visit]:
        return iter(self.visits)


class Emitted:
    """The spec, compiled by gencc and imported."""

    def __init__(self, setting: Setting, compiled: bool = False) -> None:
        self.setting = setting
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sizes.gen"
            path.write_text(setting.text(), encoding="utf-8")
            command = [sys.executable, "-m", "gencc.compiler.cli", str(path), "--emit", "model,plan.json"]
            subprocess.run([*command, "-o", folder], check=True, stdout=subprocess.DEVNULL)
            self.plan = json.loads((Path(folder) / "plan.json").read_text(encoding="utf-8"))
            spec = importlib.util.spec_from_file_location(f"emitted_{next(_number)}", Path(folder) / "model.py")
            assert spec is not None and spec.loader is not None
            self.module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self.module)
        self.model = self.module.Sizes().to(setting.device)
        self.network: Any = torch.compile(self.model) if compiled else self.model
        if compiled:  # the sampler's parts; training compiles the model whole
            self.sampler = self.module.Sizes().to(setting.device)
            self.sampler.trunk = torch.compile(self.sampler.trunk)
            self.sampler.box_head.compile()
        else:
            self.sampler = self.model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        self.generator = torch.Generator(setting.device).manual_seed(0)
        b, e, device = setting.batch, setting.elements, setting.device
        present = torch.ones(b, e, dtype=torch.bool, device=device)
        plates = ("element", "frame") if setting.tokens == "split" else ("element",)
        values = {
            "category": torch.randint(26, (b, e), device=device),
            "box": 2 * torch.rand(b, e, 4, device=device) - 1,
        }
        self.data = Examples(values, {plate: present for plate in plates})
        path = order.Trajectory(self.module.ROUND, self.module.ROUNDS, b, self.generator)
        visits = list(path.backwards())  # boxes of the last round, its categories, and so on
        self.paths = {
            "visit of a category": visits[e + e // 2 : e + e // 2 + 1],
            "visit of a box": visits[e // 2 : e // 2 + 1],
            "round": visits[: 2 * e],
        }

    def work(self, job: str) -> Callable[[], Any]:
        return self.step if job == "training step" else lambda: self.walk(self.paths[job])

    def walk(self, visits: list[order.Visit]) -> Any:
        with self.setting.precise():
            return self.sampler.denoise(self.data, {}, Path_(visits), self.generator)

    def step(self) -> Tensor:
        x = self.model.corrupt(self.data, self.generator)
        with self.setting.precise():
            losses = self.network(x)
        total = torch.stack(list(losses.values())).sum()
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(total)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return total.detach()


class Handwritten:
    def __init__(self, setting: Setting, compiled: bool = False) -> None:
        self.setting = setting
        self.model = handwritten.Model(setting.sizes).to(setting.device)
        self.network: Any = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3)
        b, e, device = setting.batch, setting.elements, setting.device
        self.category = torch.randint(26, (b, e), device=device)
        self.box = 2 * torch.rand(b, e, 4, device=device) - 1
        last = 2 * e * (setting.rounds - 1)
        self.paths = {
            "visit of a category": [last + e // 2],
            "visit of a box": [last + e + e // 2],
            "round": list(reversed(range(last, last + 2 * e))),
        }

    def work(self, job: str) -> Callable[[], Any]:
        return self.step if job == "training step" else lambda: self.walk(self.paths[job])

    def walk(self, visits: list[int]) -> tuple[Tensor, Tensor]:
        category, box = self.category, self.box
        with self.setting.precise():
            for number in visits:
                category, box = handwritten.visit(self.model, category, box, number, self.network)
        return category, box

    def step(self) -> Tensor:
        # As the emitted side: the forward pass alone runs under autocast, which the backward pass follows.
        with self.setting.precise():
            return handwritten.train_step(
                self.model, (self.category, self.box), self.optimizer, self.network
            )


# ---- measuring


def seconds(work: Callable[[], Any], setting: Setting) -> float:
    clock = time.process_time if setting.device == "cpu" and setting.threads == 1 else time.perf_counter
    began = clock()
    work()
    if setting.device == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def taking_turns(works: dict[str, Callable[[], Any]], setting: Setting, repeats: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in works}
    for k in range(repeats):
        for name in list(works) if k % 2 == 0 else list(works)[::-1]:
            times[name].append(seconds(works[name], setting))
    return times


def operations(work: Callable[[], Any]) -> int:
    """Of the matrix products, counted as they run."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return counter.get_total_flops()


def matrix_product(setting: Setting) -> tuple[Callable[[], Any], int]:
    """The roof, and its operations."""
    n = 1536 if setting.device == "cpu" else 8192
    kind = torch.bfloat16 if setting.precision == "bf16" else torch.float32
    a, b = (torch.randn(n, n, device=setting.device, dtype=kind) for _ in range(2))
    return lambda: a @ b, 2 * n**3


def _rise(side: str, job: str, setting: Setting) -> float:
    """MB; runs in a process of its own."""
    torch.set_num_threads(setting.threads)
    work = (Emitted if side == "emitted" else Handwritten)(setting).work(job)
    if setting.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return (torch.cuda.max_memory_allocated() - before) / 1e6
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts again from what is resident now
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    work()
    status = Path("/proc/self/status").read_text()
    high = int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    return (high * 1024 - pages * resource.getpagesize()) / 1e6


def memory(setting: Setting, jobs: tuple[str, ...]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as pool:
        for job in jobs:
            found[job] = {
                side: pool.submit(_rise, side, job, setting).result() for side in ("handwritten", "emitted")
            }
    return found


def spread(times: list[float], digits: int = 1) -> str:
    low, middle, high = (1e3 * f(times) for f in (min, statistics.median, max))
    return f"{middle:,.{digits}f} ({low:,.{digits}f}-{high:,.{digits}f})"


def ratio(slow: list[float], fast: list[float]) -> tuple[float, str]:
    pairs = [a / b for a, b in zip(slow, fast, strict=True)]
    middle = statistics.median(pairs)
    return middle, f"{middle:.2f} ({min(pairs):.2f}-{max(pairs):.2f})"


def compare(setting: Setting, options: argparse.Namespace) -> dict[str, Any]:
    """Times every job on both sides; prints a table as it goes and returns what was measured."""
    torch.manual_seed(0)
    sides: dict[str, Any] = {"handwritten": Handwritten(setting), "emitted": Emitted(setting)}
    emitted, hand = sides["emitted"], sides["handwritten"]
    console = Console(width=max(150, Console().width))
    flops = {job: {s: operations(sides[s].work(job)) for s in ("handwritten", "emitted")} for job in JOBS if job != "round"}
    flops["round"] = {
        s: setting.elements * (flops["visit of a category"][s] + flops["visit of a box"][s]) for s in sides
    }
    parameters = {s: sum(p.numel() for p in sides[s].model.parameters()) for s in sides}
    if options.compiled:
        sides |= {"handwritten compiled": Handwritten(setting, True), "emitted compiled": Emitted(setting, True)}
    first: dict[str, dict[str, float]] = {}
    for job in JOBS:
        if job != "round":
            first[job] = {}
            for name, side in sides.items():
                began = time.perf_counter()
                side.work(job)()
                first[job][name] = time.perf_counter() - began
                side.work(job)()
    product, product_flops = matrix_product(setting)
    product()
    roof = product_flops / statistics.median([seconds(product, setting) for _ in range(5)])
    rows: list[dict[str, Any]] = []
    for job in JOBS:
        works = {name: side.work(job) for name, side in sides.items()}
        repeats = options.round_repeats if job == "round" else options.repeats
        if repeats == 0:
            continue
        times = taking_turns(works | {"product": product}, setting, repeats)
        roof_now = product_flops / statistics.median(times.pop("product"))
        for name in times:
            if name != "emitted":
                against = "emitted compiled" if name == "handwritten compiled" else "emitted"
                slow, fast = (name, against) if name.startswith("handwritten") else ("emitted", name)
                middle, shown = ratio(times[slow], times[fast])
                rows.append(
                    {
                        "job": job, "ratio": middle, "ratio shown": shown, "slow": slow, "fast": fast, "times": times,
                        "share": {
                            n: flops[job][n.split()[0]] * setting.batch_free / statistics.median(times[n]) / roof_now
                            for n in (slow, fast)
                        },
                    }
                )  # fmt: skip
    return {"rows": rows}


if __name__ == "__main__":
    pass
