"""A table learned by packaged peers and by the emitted program, for the same processor time, judged alike.

    python benchmarks/table_peers.py build/adult --peer igd --minutes 8 --out igd.parquet
    python benchmarks/table_peers.py build/adult --peer tabddpm --python VENV/bin/python --minutes 8 --out tabddpm.parquet
    python benchmarks/tables.py build/adult tabddpm.parquet --target outcome

`build/adult` holds the emitted programs; their training rows go to every peer.  A peer runs in an environment of its own,
named by its interpreter:

- tabddpm: synthcity 0.2.12 (`--no-deps`) and loguru.  The diffusion is synthcity's TabDDPM; the network is the perceptron that
  its factory would build (the factory itself needs a dozen unrelated packages).
- tabsyn: the TabSyn-style model of katabatic 1.1.0 (`katabatic[tabsyn]`, its torch overridden with an older one).
- ctgan: ctgan 0.12.1.
- arf: arfpy 0.1.1 with numpy below 2.4, adversarial random forests.  It ends by itself; the budget is not used.

The budget is processor time of one thread and covers training only.  A short run measures the time of a step, the real one
has as many steps as fit, so that schedules end where the budget does.  Numbers that the peers expect to be near normal are
mapped to normal quantiles first and back afterwards; integers are rounded.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

GAP = "(missing)"


# ---- inside a peer's environment: pandas in, pandas out, no import of gencc


def steps_for(seconds: float, run: Any, few: int, many: int) -> int:
    """How many steps take ``seconds`` of processor time: two short runs tell the start from the steps."""
    spent = []
    for steps in (few, many):
        since = time.process_time()
        run(steps)
        spent.append(time.process_time() - since)
    return max(many, int(seconds / ((spent[1] - spent[0]) / (many - few))))


class Normal:
    """Columns of numbers as normal quantiles, and back."""

    def __init__(self, table: Any) -> None:
        from sklearn.preprocessing import QuantileTransformer

        self.columns = list(table)
        self.map = QuantileTransformer(
            output_distribution="normal", n_quantiles=1000, subsample=10**9, random_state=0
        )
        self.values = self.map.fit_transform(table.to_numpy(float)).astype("float32")

    def back(self, values: Any) -> Any:
        import pandas

        return pandas.DataFrame(self.map.inverse_transform(values), columns=self.columns)


def tabddpm(table: Any, numbers: list[str], target: str, seconds: float, count: int) -> tuple[Any, int]:
    import types

    import numpy as np
    import pandas
    import torch
    from torch import nn

    def perceptron(
        kind: str, p: dict[str, Any]
    ) -> nn.Module:  # n_layers_hidden layers of n_units_hidden, as synthcity's MLP
        widths = [p["n_units_in"], *[p["n_units_hidden"]] * p["n_layers_hidden"]]
        layers = [m for a, b in itertools.pairwise(widths) for m in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers, nn.Linear(widths[-1], p["n_units_out"]))

    import importlib.util

    place = Path(importlib.util.find_spec("synthcity").submodule_search_locations[0])  # type: ignore[union-attr, index]
    for name in ("", ".plugins", ".plugins.core", ".plugins.core.models"):
        shell = types.ModuleType(f"synthcity{name}")
        shell.__path__ = [str(place.joinpath(*name.split(".")[1:]))]
        sys.modules[shell.__name__] = shell
    package = "synthcity.plugins.core.models"
    sys.modules[f"{package}.factory"] = factory = types.ModuleType("factory")
    factory.get_nonlin, factory.get_model = lambda name: nn.SiLU(), perceptron  # type: ignore[attr-defined]
    shell = types.ModuleType(f"{package}.tabular_ddpm")
    shell.__path__ = [str(place / "plugins/core/models/tabular_ddpm")]
    sys.modules[shell.__name__] = shell
    from synthcity.plugins.core.models.tabular_ddpm.gaussian_multinomial_diffsuion import (  # type: ignore[import-not-found]
        GaussianMultinomialDiffusion,
    )

    normal = Normal(table[numbers])
    words = [c for c in table if c not in numbers]
    codes = {c: pandas.Categorical(table[c]) for c in words}
    rows = torch.from_numpy(np.hstack([normal.values, *(codes[c].codes[:, None] for c in words)]))
    rows = rows.float()
    sizes = tuple(len(codes[c].categories) for c in words)

    def fit(steps: int) -> Any:
        torch.manual_seed(0)
        model = GaussianMultinomialDiffusion(
            num_numerical_features=len(numbers), num_categorical_features=sizes, model_type="mlp",
            model_params={"n_units_hidden": 256, "n_layers_hidden": 3}, num_timesteps=1000,
        )  # fmt: skip
        average = {k: v.clone() for k, v in model.denoise_fn.state_dict().items()}
        optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
            loss = sum(model.mixed_loss(rows[torch.randint(len(rows), (1024,))]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for k, v in model.denoise_fn.state_dict().items():
                average[k].lerp_(v, 1 - 0.999)
        model.denoise_fn.load_state_dict(average)
        return model.eval()

    steps = steps_for(seconds, fit, 50, 200)
    drawn = fit(steps).sample_all(count).detach().numpy()
    out = normal.back(drawn[:, : len(numbers)])
    for k, c in enumerate(words):
        out[c] = codes[c].categories[drawn[:, len(numbers) + k].astype(int)]
    return out, steps


def tabsyn(table: Any, numbers: list[str], target: str, seconds: float, count: int) -> tuple[Any, int]:
    import numpy as np
    from katabatic.models.tabsyn.models import TabSyn  # type: ignore[import-not-found]
    from katabatic.models.tabsyn.utils import train_tabsyn  # type: ignore[import-not-found]

    normal = Normal(table[numbers])
    words = [c for c in table if c not in numbers and c != target]
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/X_num_train.npy", normal.values)
        np.save(f"{folder}/X_cat_train.npy", table[words].to_numpy(str))
        np.save(f"{folder}/y_train.npy", table[target].to_numpy(str))
        Path(folder, "info.json").write_text('{"task_type": "binclass"}')

        def fit(first: int, second: int) -> Any:
            model = TabSyn(decoder_epochs=first, diffusion_epochs=second, patience=10**9, diffusion_steps=50)
            model.state, model.is_fitted = train_tabsyn(data_dir=folder, cfg=model.config), True
            return model

        # A third of the time for the autoencoder, the rest for the diffusion of its codes.
        first = steps_for(seconds / 3, lambda n: fit(n, 1), 1, 3)
        second = steps_for(seconds * 2 / 3, lambda n: fit(1, n), 1, 6)
        drawn = fit(first, second).sample(n_samples=count)
    out = normal.back(drawn[[f"num_{k}" for k in range(len(numbers))]].to_numpy(float))
    for k, c in enumerate([target, *words]):
        out[c] = drawn[f"cat_{k}"].to_numpy()
    return out, first + second


def ctgan(table: Any, numbers: list[str], target: str, seconds: float, count: int) -> tuple[Any, int]:
    import torch
    from ctgan import CTGAN  # type: ignore[import-not-found]

    def fit(epochs: int) -> Any:
        torch.manual_seed(0)
        model = CTGAN(epochs=epochs, enable_gpu=False)
        model.fit(table, [c for c in table if c not in numbers])
        return model

    epochs = steps_for(seconds, fit, 1, 3)
    return fit(epochs).sample(count), epochs


def arf(table: Any, numbers: list[str], target: str, seconds: float, count: int) -> tuple[Any, int]:
    import numpy as np
    from arfpy import arf as forests  # type: ignore[import-not-found]

    np.random.seed(0)
    model = forests.arf(
        x=table.astype({c: object for c in table if c not in numbers}), num_trees=30, random_state=0, n_jobs=1
    )
    model.forde()
    return model.forge(n=count), 1


PEERS = {"tabddpm": tabddpm, "tabsyn": tabsyn, "ctgan": ctgan, "arf": arf}


def inside(peer: str, folder: Path) -> None:
    """One peer, in its own environment."""
    import pandas

    ask = json.loads((folder / "ask.json").read_text())
    table = pandas.read_parquet(folder / "train.parquet")
    drawn, steps = PEERS[peer](table, ask["numbers"], ask["target"], ask["seconds"], ask["count"])
    pandas.DataFrame(drawn)[list(table)].astype({c: str for c in table if c not in ask["numbers"]}).to_parquet(folder / "drawn.parquet")  # fmt: skip
    (folder / "steps.txt").write_text(str(steps))


# ---- outside: the same rows for everyone, the same file from everyone


def spent() -> float:
    """Processor seconds of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def call(*command: object) -> float:
    """The processor seconds of a command on one thread."""
    before = spent()
    subprocess.run(
        [str(c) for c in command], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=sys.stderr
    )
    return spent() - before


def emitted(programs: Path, seconds: float, count: int, out: Path, batch: int) -> int:
    """The emitted program, its steps fitted to the budget."""
    with tempfile.TemporaryDirectory() as folder:

        def train(steps: int, name: str) -> float:
            run = ["--steps", steps, "--batch", batch, "--threads", 1, "--out", f"{folder}/{name}"]
            return call(sys.executable, programs / "train.py", *run)

        few, many = train(20, "few"), train(80, "many")
        start, each = few - 20 * (many - few) / 60, (many - few) / 60
        steps = int((seconds - start) / each)
        train(steps, "run")
        call(
            sys.executable, programs / "sample.py", "--run", f"{folder}/run", "--count", count, "--out", out,
            "--threads", 1,
        )  # fmt: skip
    return steps


def main() -> None:
    if sys.argv[1:2] == ["--inside"]:
        return inside(sys.argv[2], Path(sys.argv[3]))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("programs", type=Path, help="folder with the emitted programs")
    parser.add_argument("--peer", required=True, choices=["igd", *PEERS])
    parser.add_argument("--python", default=sys.executable, help="interpreter of the peer's environment")
    parser.add_argument(
        "--target",
        default="outcome",
        help="the label's column, for peers that want to know (default outcome)",
    )
    parser.add_argument(
        "--minutes", type=float, default=8.0, help="of processor time for training (default 8)"
    )
    parser.add_argument(
        "--batch", type=int, default=64, help="of the emitted program (default 64, for a short budget)"
    )
    parser.add_argument("--count", type=int, default=3256)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    seconds = 60 * options.minutes
    before = spent()
    if options.peer == "igd":
        steps = emitted(options.programs, seconds, options.count, options.out, options.batch)
        print(f"igd: {steps} steps, {spent() - before:.0f} s of processor time in all")
        return None
    import pandas
    from tables import dataset

    from gencc.runtime.data import Vectors
    from gencc.runtime.data.fields import column_names

    known, _ = dataset(options.programs)
    columns = known.codec.columns(known.train)
    numbers = [c for name, f in known.codec.fields.items() if isinstance(f, Vectors) for c in column_names(name, f)]  # fmt: skip
    table = pandas.DataFrame(
        {c: v if c in numbers else [GAP if w is None else str(w) for w in v] for c, v in columns.items()}
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.to_parquet(folder / "train.parquet")
        ask = {"numbers": numbers, "target": options.target, "seconds": seconds, "count": options.count}
        (folder / "ask.json").write_text(json.dumps(ask))
        call(options.python, Path(__file__).resolve(), "--inside", options.peer, folder)
        drawn = pandas.read_parquet(folder / "drawn.parquet")
        steps = int((folder / "steps.txt").read_text())
    for c in drawn:
        if c in numbers:
            whole = all(float(v).is_integer() for v in columns[c])
            drawn[c] = drawn[c].astype(float).clip(min(columns[c]), max(columns[c]))
            drawn[c] = drawn[c].round() if whole else drawn[c]
        else:
            words = {GAP if w is None else str(w): w for w in columns[c]}
            drawn[c] = pandas.Series([words[w] for w in drawn[c]], dtype=object)
    drawn.to_parquet(options.out)
    print(
        f"{options.peer}: {steps} steps or epochs, {spent() - before:.0f} s of processor time in all, both short runs included"
    )
    return None


if __name__ == "__main__":
    main()
