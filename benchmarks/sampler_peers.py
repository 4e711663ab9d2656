"""The emitted sampler beside the nearest packaged one for mixed data: bionemo-moco 0.0.2.2 (Apache-2.0), measured, not used.

    pip download --no-deps bionemo-moco==0.0.2.2 && unzip bionemo_moco*.whl -d moco && pip install jaxtyping pot
    python benchmarks/sampler_peers.py --peer moco

bionemo-moco brings the steps of a discrete and of a Gaussian process, not a network: its D3PM (uniform) and its DDPM step side
by side around the transformer of benchmarks/handwritten.py, one run of it a step.  Against it stand two emitted programs
of benchmarks/sizes.gen at the same width, layers and heads: joint diffusion, `all(category) & all(box)` with one inner step,
which is the same process, and Interleaved Gibbs Diffusion as the file says.  All are timed in turns in one process, each for
the same number of visits (steps); a visit is one run of the transformer in each.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import sys
from dataclasses import dataclass, fields

import handwritten
import torch
from against_handwritten import Emitted, Setting, ratio, spread, taking_turns
from torch import Tensor


class Moco:
    """D3PM for the categories and DDPM for the boxes, stepped together."""

    def __init__(self, setting: Setting, steps: int) -> None:
        from bionemo.moco.distributions.prior import DiscreteUniformPrior, GaussianPrior
        from bionemo.moco.distributions.time import UniformTimeDistribution
        from bionemo.moco.interpolants import D3PM, DDPM
        from bionemo.moco.schedules.noise.discrete_noise_schedules import DiscreteCosineNoiseSchedule

        time = UniformTimeDistribution(discrete_time=True, nsteps=steps)
        schedule = DiscreteCosineNoiseSchedule(nsteps=steps)
        self.category = D3PM(time, DiscreteUniformPrior(num_classes=26), schedule)
        self.box = DDPM(time, GaussianPrior(), schedule, prediction_type="noise")
        self.network = handwritten.Model(setting.sizes)
        self.setting, self.steps = setting, steps

    @torch.no_grad()
    def sample(self) -> tuple[Tensor, Tensor]:
        b, e = self.setting.batch, self.setting.elements
        category, box = self.category.sample_prior((b, e)), self.box.sample_prior((b, e, 4))
        nothing = torch.zeros(b, 2 * e, dtype=torch.bool)
        for k in reversed(range(self.steps)):
            t = torch.full((b,), k)
            logits, eps = self.network(category, box, nothing, t / self.steps)
            category = self.category.step(logits, t, category)
            box = self.box.step(eps, t, box)
        return category, box


@dataclass(frozen=True)
class Joint(Setting):
    """The joint diffusion of the same variables, a step a visit."""

    def text(self) -> str:
        text = Setting.text(self)
        for old, new in {
            "order  = category -> box": "order  = all(category) & all(box)",
            f"steps = {self.inner_steps})": "steps = 1)",
        }.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--peer", required=True, help="folder that holds the package `bionemo`, as unpacked or installed"
    )
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--visits", type=int, default=20, help="of each sampler (default 20)")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    sys.path.append(options.peer)
    importlib.import_module("bionemo.moco")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    base = {f.name: getattr(handwritten.Sizes(), f.name, None) for f in fields(Setting)} | {
        "batch": options.batch, "tokens": "split", "inner": "head", "precision": "fp32", "device": "cpu", "threads": 1,
    }  # fmt: skip
    setting = Setting(**base)
    n = options.visits
    gibbs = Emitted(setting)
    joint = Emitted(Joint(**base | {"rounds": n}))
    element = Emitted(Joint(**base | {"rounds": n, "tokens": "element"}))
    half = len(gibbs.paths["round"]) // 2
    visits = gibbs.paths["round"][half - n // 2 : half + n // 2]  # as many of a box as of a category
    works = {
        "bionemo-moco: D3PM and DDPM, 50 tokens": Moco(setting, n).sample,
        "emitted, joint, 50 tokens": lambda: joint.walk(joint.paths["round"]),
        "emitted, joint, a token per element": lambda: element.walk(element.paths["round"]),
        f"emitted, IGD, 50 tokens, K = {setting.inner_steps}": lambda: gibbs.walk(visits),
    }
    for work in works.values():
        work()
    times = taking_turns(works, setting, options.repeats)
    first = next(iter(times.values()))
    print(f"| batch {options.batch}, {n} visits | ms a visit | moco / this |\n|---|---|---|")
    for name, found in times.items():
        each = [t / n for t in found]
        print(f"| {name} | {spread(each)} | {ratio(first, found)[1] if found is not first else ''} |")
    low = statistics.median(first) / n / options.batch
    print(f"\nbionemo-moco: {1e3 * low:.2f} ms a step and sample")


if __name__ == "__main__":
    main()
