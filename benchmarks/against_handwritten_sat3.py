"""`specs/igd_sat3.gen`, compiled, against benchmarks/handwritten_sat3.py: visits, rounds and training steps side by side.

    python benchmarks/against_handwritten_sat3.py                        # the spec as it is: 5 variables, 41 clauses
    python benchmarks/against_handwritten_sat3.py --variables 9 --compiled

Both sides are timed in one process, taking turns, on formulas that the emitted program reads; a row gives the median of
the paired ratios hand-written / emitted with their range, then each side's median time with its range.  A training step
is all of it: rows of the data, noise, losses, gradients, clipping, fused AdamW and the moving average of the weights.

The spec has room for 9 variables and 51 clauses; both programs run on as many as the formulas have, the emitted one by
`trim_plates`.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import handwritten_sat3
import torch
from against_handwritten import Visits, ratio, seconds, spread
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from gencc.runtime import order
from gencc.runtime.training import batches

SPEC = Path(__file__).resolve().parents[1] / "specs" / "igd_sat3.gen"
JOBS = ("visit", "round", "training step")
CPU = torch.device("cpu")
LITERALS = ("first", "second", "third")


def emit(variables: int, count: int, folder: Path) -> Any:
    """The spec's program for so many formulas of so many variables, imported."""
    source = f'data.source="sat3:n={variables},count={count}"'
    command = [sys.executable, "-m", "gencc.compiler.cli", str(SPEC), "--emit", "model", "--set", source]
    subprocess.run([*command, "-o", str(folder)], check=True, stdout=subprocess.DEVNULL)
    spec = importlib.util.spec_from_file_location("emitted_sat3", folder / "model.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # torch.compile looks it up
    spec.loader.exec_module(module)
    return module


class Emitted:
    def __init__(self, module: Any, data: Any, batch: int, compiled: bool) -> None:
        self.module, self.batch = module, batch
        self.examples = data.train.trimmed(data.codec.plates) if compiled else data.train
        self.plates = None if compiled else data.codec.plates
        self.model = module.IgdSat3()
        self.average = [p.detach().clone() for p in self.model.parameters()]
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=True)
        self.network: Any = torch.compile(self.model) if compiled else self.model
        self.sampler = module.IgdSat3()
        if compiled:
            self.sampler.visit = torch.compile(self.sampler.visit, fullgraph=True, dynamic=False)
        self.generator, self.steps = torch.Generator().manual_seed(0), itertools.count()
        self.start = self.examples[:batch].trimmed(data.codec.plates)
        present = self.start.present["variable"]
        path = order.Trajectory(module.ROUND, module.ROUNDS, batch, self.generator)
        visits = list(path.backwards({"x": present}))
        size = int(present.sum(1).max())
        self.paths = {"visit": visits[size // 2 : size // 2 + 1], "round": visits[:size]}

    def work(self, job: str) -> Callable[[], Any]:
        return self.step if job == "training step" else lambda: self.walk(self.paths[job])

    def walk(self, visits: list[order.Visit]) -> Any:
        return self.sampler.denoise(self.start, {}, Visits(visits), self.generator)

    def step(self) -> None:
        number = next(self.steps)
        parts = batches.noised(
            self.model.corrupt, self.examples, self.batch, number, 0, 0, 1, CPU, self.plates
        )
        self.optimizer.zero_grad(set_to_none=True)
        for x in parts:
            losses = self.network(x)
            torch.autograd.backward(torch.stack(list(losses.values())).sum() / len(parts))
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.model.parameters()), 0.002)


class Handwritten:
    def __init__(self, module: Any, data: Any, batch: int, compiled: bool) -> None:
        values, present = data.train.values, data.train.present
        clauses, variables = (int(present[p].sum(1).max()) for p in ("clause", "variable"))
        self.formula = torch.stack([values[k][:, :clauses] for k in LITERALS], -1)
        self.x, self.batch = values["x"][:, :variables], batch
        self.model = handwritten_sat3.Model(handwritten_sat3.Sizes(variables, clauses))
        self.average = [p.detach().clone() for p in self.model.parameters()]
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-3, betas=(0.9, 0.99), fused=True)
        self.network: Any = torch.compile(self.model) if compiled else self.model
        last = variables * (module.ROUNDS - 1)
        self.paths = {
            "visit": [last + variables // 2],
            "round": list(reversed(range(last, last + variables))),
        }

    def work(self, job: str) -> Callable[[], Any]:
        return self.step if job == "training step" else lambda: self.walk(self.paths[job])

    def walk(self, visits: list[int]) -> Tensor:
        formula, x = self.formula[: self.batch], self.x[: self.batch]
        for number in visits:
            x = handwritten_sat3.visit(self.model, formula, x, number, self.network)
        return x

    def step(self) -> None:
        rows = torch.randint(len(self.x), (self.batch,))
        formula, x = self.formula[rows], self.x[rows]
        handwritten_sat3.train_step(self.model, formula, x, self.optimizer, self.average, self.network)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variables", type=int, default=5, choices=(5, 7, 9), help="(default 5)")
    parser.add_argument("--batch", type=int, default=64, help="(default 64)")
    parser.add_argument("--repeats", type=int, default=15, help="(default 15)")
    parser.add_argument("--compiled", action="store_true", help="time torch.compile of both sides as well")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        module = emit(options.variables, 64 * options.batch, Path(folder))
        data = module.load_data()
        kinds = (False, True) if options.compiled else (False,)
        sides: dict[str, Any] = {
            name + " compiled" * compiled: side(module, data, options.batch, compiled)
            for compiled in kinds
            for name, side in (("hand-written", Handwritten), ("emitted", Emitted))
        }
        pairs = list(itertools.product((n for n in sides if "hand" in n), (n for n in sides if "emit" in n)))
        table = Table(title=f"{options.variables} variables, batch {options.batch}, fp32, one thread")
        for head in ("", "", "ratio", "hand-written ms", "emitted ms"):
            table.add_column(head, justify="right" if head else "left", no_wrap=True)
        for job in JOBS:
            works = {name: side.work(job) for name, side in sides.items()}
            times: dict[str, list[float]] = {name: [] for name in works}
            for turn in range(-2, options.repeats):  # the first two are for warming up
                for name in list(works) if turn % 2 else list(works)[::-1]:
                    spent = seconds(works[name])
                    times[name] += [spent] if turn >= 0 else []
            for slow, fast in pairs:
                shown = ratio(times[slow], times[fast])[1]
                table.add_row(job, f"{slow} / {fast}", shown, spread(times[slow]), spread(times[fast]))
        Console(width=max(150, Console().width)).print(table)
        for name, side in sides.items():
            print(f"parameters, {name}: {sum(p.numel() for p in side.model.parameters()):,}")


if __name__ == "__main__":
    main()
