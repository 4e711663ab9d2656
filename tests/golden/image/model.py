"""image: the process and its denoiser.

Compiled from image.gen (sha256 98b0b86740bf) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gencc.runtime import data, kernels, layers, patches
from gencc.runtime.sites import Examples

# order = image  (image.gen:11)
ROUNDS = 1
VISITS = 1  # of a whole trajectory

# noise image = gaussian(signal = cosine(shift = 0.5), steps = 200): 200 inner steps  (image.gen:12)
IMAGE_STEPS = 200
u = torch.linspace(0.0, 1.0, 201, dtype=torch.float64)
signal = 1.0 / (1.0 + (torch.tan(0.5 * torch.pi * u) / 0.5).square())
IMAGE_BETA = (1.0 - signal[1:] / signal[:-1]).clamp_max(0.999)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "image": data.Vectors(length=784, low=0.0, high=1.0),  # image.gen:6
    "label": data.Tokens(values=10),  # image.gen:7
}
TASKS = ("label", "nothing")  # image.gen:19
WIDTH = 64


def load_data() -> data.Dataset:
    """The examples of image.gen:4, split."""
    return data.load("mnist:5k", FIELDS, train=0.9, seed=0)


class Image(nn.Module):
    """Diffusion over image."""

    def __init__(self) -> None:
        super().__init__()
        self.image_noise = kernels.Gaussian(IMAGE_BETA, IMAGE_STEPS, bound=1.0)
        self.image_weight: Tensor
        weight = kernels.sigmoid_weight(IMAGE_BETA, "x0", bias=0.0)
        self.register_buffer("image_weight", weight, persistent=False)

        self.image_value = patches.Embedding((28, 28, 1), (4, 4), WIDTH)

        # denoiser transformer (image.gen:15)
        self.clock = layers.Clock(WIDTH)
        self.label_value = nn.Embedding(11, WIDTH)
        self.first = layers.Loop(layers=2, width=WIDTH, heads=4, expansion=4)
        self.image_head = patches.Head((28, 28, 1), (4, 4), WIDTH)

    def trunk(self, x: dict[str, Tensor]) -> Tensor:
        """Every token's row (B, 49, WIDTH)."""
        tokens = self.image_value(x["image"])
        clock = self.clock(x["image_count"][:, 0] / len(IMAGE_BETA), self.label_value(x["label"][:, 0]))
        return self.first(tokens, clock, None)

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

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        h = self.trunk(x)

        # predict image by x0 (image.gen:17)
        guess = self.image_head(h)
        cost = (guess - x["image_target"]).square().mean(-1)
        cost = cost * self.image_weight[x["image_count"]]
        return {"image": cost.mean()}

    # ---- sampling

    @torch.no_grad()
    def sample(
        self,
        start: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        guidance: float = 2.0,
        steps: int = 50,
        eta: float = 0.5,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """New examples on the sites that ``start`` says exist; where ``given`` holds, its values are kept."""
        image = self.image_noise.prior((len(start), 1, 784), generator)
        label = start.values.get(
            "label", torch.zeros(len(start), 1, dtype=torch.int64, device=generator.device)
        )
        noise = Examples({"image": image, "label": label}, start.present)
        return self.denoise(noise, given, generator, guidance, steps, eta, progress)

    @torch.no_grad()
    def redenoise(
        self,
        samples: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        rounds: int = 1,
        guidance: float = 2.0,
        steps: int = 50,
        eta: float = 0.5,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """Finished samples, noised for ``rounds`` rounds and denoised again (ReDeNoise)."""
        n = torch.full(samples.values["image"].shape[:2], IMAGE_STEPS * rounds, device=generator.device)
        image, _ = self.image_noise.at(samples.values["image"], n, generator)
        noisy = Examples(samples.values | {"image": image}, samples.present)
        return self.denoise(noisy, given, generator, guidance, steps, eta, progress)

    def unknown(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """``x`` with label unknown: the other branch of guidance."""
        return x | {"label": torch.full_like(x["label"], 10)}

    def visit(
        self, x: dict[str, Tensor], noise: dict[str, Tensor], guidance: float, steps: int, eta: float
    ) -> dict[str, Tensor]:
        """All inner steps backwards: image drawn anew with ``noise``."""
        image = x["image"]
        for k, k_to in kernels.leaps(IMAGE_STEPS, min(steps, IMAGE_STEPS)):
            n = torch.full(image.shape[:2], k, device=image.device)
            now = x | {"image": image, "image_count": n}
            guess = self.image_head(self.trunk(now))
            if guidance:
                other = self.trunk(self.unknown(now))
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
        guidance: float = 2.0,
        steps: int = 50,
        eta: float = 0.5,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """What pure noise in ``state`` leads to, step by step."""
        image = state.values["image"]
        label = state.values["label"]
        label_known = given.get("label", torch.zeros_like(label, dtype=torch.bool))
        label = torch.where(label_known, label, 10)
        x = {"label": label, "image": image}
        noise = {"image": self.image_noise.fresh((IMAGE_STEPS, *image.shape), generator)}
        image = self.visit(x, noise, guidance, steps, eta)["image"]
        if progress is not None:
            progress(1)
        return Examples({"image": image.clamp(-1.0, 1.0), "label": label}, state.present)
