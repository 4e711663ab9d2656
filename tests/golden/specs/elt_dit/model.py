"""elt_dit: the process and its denoiser.

Compiled from elt_dit.gen (sha256 3aad2db991c5) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gencc.runtime import data, distillation, kernels, layers, looping, patches
from gencc.runtime.images import Images
from gencc.runtime.sites import Examples

# order = image  (elt_dit.gen:19)
ROUNDS = 1
VISITS = 1  # of a whole trajectory

# noise image = gaussian(signal = cosine(shift = 0.5), steps = 256): 256 inner steps  (elt_dit.gen:20)
IMAGE_STEPS = 256
u = torch.linspace(0.0, 1.0, 257, dtype=torch.float64)
signal = 1.0 / (1.0 + (torch.tan(0.5 * torch.pi * u) / 0.5).square())
IMAGE_BETA = (1.0 - signal[1:] / signal[:-1]).clamp_max(0.999)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "image": data.Vectors(length=784, low=0.0, high=1.0),  # elt_dit.gen:14
    "label": data.Tokens(values=10),  # elt_dit.gen:15
}
REPORT = Images(
    "image", "label", "mnist", (1, 28, 28, 1), metrics=("frechet", "accuracy", "precision", "recall")
)  # elt_dit.gen:52
TASKS = ("label", "nothing")  # elt_dit.gen:40
WIDTH = 96


def load_data() -> data.Dataset:
    """The examples of elt_dit.gen:9, split."""
    return data.load("mnist", FIELDS, train=0.9, seed=0)


class EltDit(nn.Module):
    """Diffusion over image."""

    def __init__(self) -> None:
        super().__init__()
        self.image_noise = kernels.Gaussian(IMAGE_BETA, IMAGE_STEPS, bound=1.0)
        self.image_weight: Tensor
        weight = kernels.sigmoid_weight(IMAGE_BETA, "x0", bias=0.0)
        self.register_buffer("image_weight", weight, persistent=False)

        self.image_value = patches.Embedding((28, 28, 1), (4, 4), WIDTH)

        # denoiser transformer (elt_dit.gen:23)
        self.clock = layers.Clock(WIDTH)
        self.label_value = nn.Embedding(11, WIDTH)
        self.core_loop = looping.Looped(layers=2, width=WIDTH, heads=4, expansion=4, repeats=4)
        self.image_head = patches.Head((28, 28, 1), (4, 4), WIDTH)

    def trunk(self, x: dict[str, Tensor], exits: tuple[int, ...] = (4,)) -> list[Tensor]:
        """Every token's row after each of ``exits`` repeats, (B, 49, WIDTH)."""
        tokens = self.image_value(x["image"])
        clock = self.clock(x["image_count"][:, 0] / len(IMAGE_BETA), self.label_value(x["label"][:, 0]))
        return self.core_loop.exits(tokens, clock, None, exits)

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator) -> dict[str, Tensor]:
        """The state at a random inner step of each trajectory, in closed form, and what is learned from it."""
        image = clean.values["image"]
        label = clean.values["label"]
        shares = torch.tensor((0.9, 0.1), device=generator.device)  # of TASKS
        task = torch.multinomial(shares, len(clean), replacement=True, generator=generator)[:, None]
        label = torch.where(task == 0, label, 10)  # 10: unknown
        n = torch.randint(1, IMAGE_STEPS + 1, (len(clean), 1), generator=generator, device=generator.device)
        noisy, _ = self.image_noise.at(image, n, generator)
        return {"label": label, "image": noisy, "image_count": n, "image_target": image}

    def course(self, progress: float, generator: torch.Generator) -> dict[str, Any]:
        """What a whole training step shares, at ``progress`` in [0, 1] of training."""
        return {
            "student": int(torch.randint(1, 4, (), generator=generator)),  # core.uniform(1, last - 1)
            "truth": 1.0 - progress,
        }

    def forward(self, x: dict[str, Tensor], student: int, truth: float) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch; ``student`` repeats make the student."""
        early, h = self.trunk(x, (student, 4))
        loss: dict[str, Tensor] = {}

        # predict image by x0 (elt_dit.gen:32)
        guess = self.image_head(h)
        cost = (guess - x["image_target"]).square().mean(-1)
        cost = cost * self.image_weight[x["image_count"]]
        loss["image"] = cost.mean()
        # core.uniform(1, last - 1) learns from the truth and from core.last, whose gradient stops here (elt_dit.gen:34)
        early_guess = self.image_head(early)
        blend = distillation.blend(x["image_target"], guess, truth)
        cost = (early_guess - blend).square().mean(-1)
        cost = cost * self.image_weight[x["image_count"]]
        loss["image student"] = cost.mean()
        return loss

    # ---- sampling

    @torch.no_grad()
    def sample(
        self,
        start: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        guidance: float = 0.5,
        steps: int = 64,
        eta: float = 1.0,
        loops: int = 4,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """New examples on the sites that ``start`` says exist; where ``given`` holds, its values are kept."""
        image = self.image_noise.prior((len(start), 1, 784), generator)
        label = start.values.get(
            "label", torch.zeros(len(start), 1, dtype=torch.int64, device=generator.device)
        )
        noise = Examples({"image": image, "label": label}, start.present)
        return self.denoise(noise, given, generator, guidance, steps, eta, loops, progress)

    @torch.no_grad()
    def redenoise(
        self,
        samples: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        rounds: int = 1,
        guidance: float = 0.5,
        steps: int = 64,
        eta: float = 1.0,
        loops: int = 4,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """Finished samples, noised for ``rounds`` rounds and denoised again (ReDeNoise)."""
        n = torch.full(samples.values["image"].shape[:2], IMAGE_STEPS * rounds, device=generator.device)
        image, _ = self.image_noise.at(samples.values["image"], n, generator)
        noisy = Examples(samples.values | {"image": image}, samples.present)
        return self.denoise(noisy, given, generator, guidance, steps, eta, loops, progress)

    def unknown(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """``x`` with label unknown: the other branch of guidance."""
        return x | {"label": torch.full_like(x["label"], 10)}

    def visit(
        self,
        x: dict[str, Tensor],
        noise: dict[str, Tensor],
        guidance: float,
        steps: int,
        eta: float,
        loops: int,
    ) -> dict[str, Tensor]:
        """All inner steps backwards: image drawn anew with ``noise``."""
        image = x["image"]
        for k, k_to in kernels.leaps(IMAGE_STEPS, min(steps, IMAGE_STEPS)):
            n = torch.full(image.shape[:2], k, device=image.device)
            now = x | {"image": image, "image_count": n}
            guess = self.image_head(self.trunk(now, (loops,))[0])
            if guidance:
                other = self.trunk(self.unknown(now), (loops,))[0]
                guess = kernels.guided(guess, self.image_head(other), guidance)
            image = self.image_noise.leap(
                image, guess, n, torch.full_like(n, k_to), noise["image"][k - 1], eta
            )
        return {"image": image}

    @torch.no_grad()
    def denoise(
        self,
        state: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        guidance: float = 0.5,
        steps: int = 64,
        eta: float = 1.0,
        loops: int = 4,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """What pure noise in ``state`` leads to, step by step."""
        image = state.values["image"]
        label = state.values["label"]
        label_known = given.get("label", torch.zeros_like(label, dtype=torch.bool))
        label = torch.where(label_known, label, 10)
        x = {"label": label, "image": image}
        noise = {"image": self.image_noise.fresh((IMAGE_STEPS, *image.shape), generator)}
        image = self.visit(x, noise, guidance, steps, eta, loops)["image"]
        if progress is not None:
            progress(1)
        return Examples({"image": image.clamp(-1.0, 1.0), "label": label}, state.present)
