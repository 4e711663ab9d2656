"""Distance from held-out digits against operations per image: a flow, more and fewer of its steps, and corrected noise.

    gencc run specs/inc_flow.gen train correct
    python benchmarks/inverse_noise.py --flow runs/inc_flow --corrector runs/inc_flow-corrector

Two distances of a sample from the images of the test split, both with features that no generator saw: Frechet's between
the hidden activations of a small classifier of the training digits, and the sliced Wasserstein distance of pixels along 256
directions.  Each is the mean of a few seeds; beside it the standard deviation of a seed.  The row `training images` is what a
perfect generator of this size would get.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from scipy.linalg import sqrtm
from sklearn.neural_network import MLPClassifier

from gencc.compiler.correction import corrector as smaller
from gencc.compiler.driver import compile_source
from gencc.compiler.emit.emitter import emit
from gencc.compiler.ledgers.cost import cost
from gencc.dsl.reading import read
from gencc.runtime import checkpoints, inversion
from gencc.runtime.data import load
from gencc.runtime.data.fields import Tokens
from gencc.runtime.sites import Examples

SPEC = Path(__file__).parents[1] / "specs" / "inc_flow.gen"


def modules():
    """The compiled spec, and its emitted modules."""
    done = compile_source(read(str(SPEC)))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in emit(done.program, ("model", "correct"), done.sha).items():
            if name in ("model.py", "corrector.py"):
                path = Path(folder) / name
                path.write_text(text)
                spec = importlib.util.spec_from_file_location(name[:-3], path)
                found[name] = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(found[name])
    return done.program, found["model.py"], found["corrector.py"]


def frechet(a, b):
    """Squared Frechet distance of two normal laws fitted to rows."""
    ridge = 1e-6 * np.eye(a.shape[1])  # units that never fire
    root = sqrtm((np.cov(a.T) + ridge) @ (np.cov(b.T) + ridge)).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root))


def sliced(a, b, directions=256):
    """Mean over directions of the Wasserstein-1 distance of projections, at 200 quantiles."""
    g = np.random.default_rng(0)
    w = g.standard_normal((a.shape[1], directions))
    w /= np.linalg.norm(w, axis=0)
    q = (np.arange(200) + 0.5) / 200
    return float(np.abs(np.quantile(a @ w, q, axis=0) - np.quantile(b @ w, q, axis=0)).mean())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flow", type=Path, default=Path("runs/inc_flow"))
    parser.add_argument("--corrector", type=Path, default=Path("runs/inc_flow-corrector"))
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    program, model, small = modules()
    flow, corrector = model.IncFlow(), small.IncFlowCorrector()
    checkpoints.load(checkpoints.latest(options.flow)).restore(flow)
    checkpoints.load(checkpoints.latest(options.corrector)).restore(corrector)
    flow.eval(), corrector.eval()
    fields = {**model.FIELDS, "label": Tokens(values=10)}
    data = load("digits", fields, train=0.85, seed=0)
    train, test = (e.values["image"][:, 0].numpy() for e in (data.train, data.test))
    judge = MLPClassifier((64,), max_iter=300, random_state=0).fit(
        train, data.train.values["label"][:, 0].numpy()
    )
    print(f"judge: {judge.score(test, data.test.values['label'][:, 0].numpy()):.1%} of the test digits right")

    def features(x):
        return np.maximum(x @ judge.coefs_[0] + judge.intercepts_[0], 0)

    steps = model.IMAGE_STEPS
    price, more = cost(program).flops_per_sample, cost(smaller(program)).flops_per_sample
    ways = {
        f"flow, {k} steps": (k, False, price * k / steps)
        for k in (steps // 2, steps, round(steps * (1 + more / price)), 2 * steps)
    }
    ways[f"flow, {steps} steps, corrected noise"] = (steps, True, price + more)
    rows = {name: [] for name in ways}
    for seed in range(options.seeds):
        for name, (k, corrected, _) in ways.items():
            g = torch.Generator().manual_seed(seed)
            with torch.no_grad():
                noise = torch.randn(options.count, 1, train.shape[1], generator=g)
                if corrected:
                    noise = corrector.sample(Examples({"": torch.zeros(options.count, 1)}, {}), {}, g).values[
                        "image"
                    ]
                # Times between the levels that the network was trained at, where there are more steps than those.
                drawn = inversion.sample(lambda x, n, k=k: flow.velocity(x, n * steps / k), noise, k).clamp(
                    -1, 1
                )
            x = drawn[:, 0].numpy()
            rows[name].append((frechet(features(x), features(test)), sliced(x, test)))
    print(f"{'':<36} {'MFLOP':>7}  {'Frechet':>15}  {'sliced':>17}")
    g = np.random.default_rng(0)
    real = [train[g.choice(len(train), options.count, replace=False)] for _ in range(options.seeds)]
    rows = {
        "training images": [(frechet(features(x), features(test)), sliced(x, test)) for x in real],
        **rows,
    }
    for name, found in rows.items():
        mean, std = np.mean(found, 0), np.std(found, 0, ddof=1)
        flops = f"{ways[name][2] / 1e6:.0f}" if name in ways else ""
        print(
            f"{name:<36} {flops:>7}  {mean[0]:>7.2f} +- {std[0]:.2f}  {mean[1]:>7.4f} +- {std[1]:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    sys.exit(main())
