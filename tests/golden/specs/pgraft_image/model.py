"""pgraft_image: the process and its denoiser.

Compiled from pgraft_image.gen (sha256 5e0cdb1dbfd1) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gencc.runtime import adapters, data, kernels, layers, order, patches
from gencc.runtime.images import Images
from gencc.runtime.sites import Examples

# order = all(image)  (pgraft_image.gen:16)
ROUNDS = 4
ROUND = order.together("image", 1)
VISITS = 4  # of a whole trajectory

# at = round(1): visits 1 to 3 are tuned, 0 to 0 keep the reference's weights  (pgraft_image.gen:39)
LEVEL = 1

# noise image = gaussian(signal = cosine, steps = 12): 48 inner steps  (pgraft_image.gen:17)
IMAGE_STEPS = 12
u = torch.linspace(0.0, 1.0, 49, dtype=torch.float64)
signal = torch.cos(0.5 * torch.pi * u).square()
IMAGE_BETA = (1.0 - signal[1:] / signal[:-1]).clamp_max(0.999)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "image": data.Vectors(length=64, low=0.0, high=1.0),  # pgraft_image.gen:11
    "label": data.Tokens(values=10),  # pgraft_image.gen:12
}
REPORT = Images(
    "image", "label", "digits", (1, 8, 8, 1), metrics=("accuracy", "frechet"), half=1
)  # pgraft_image.gen:46
TASKS = ("label", "nothing")  # pgraft_image.gen:24
WIDTH = 64


def load_data() -> data.Dataset:
    """The examples of pgraft_image.gen:6, split."""
    return data.load("digits", FIELDS, train=0.85, seed=0)


class PgraftImage(nn.Module):
    """Diffusion over image."""

    def __init__(self) -> None:
        super().__init__()
        self.image_noise = kernels.Gaussian(IMAGE_BETA, IMAGE_STEPS, bound=1.0)

        self.image_value = patches.Embedding((8, 8, 1), (2, 2), WIDTH)
        self.image_level = layers.Levels(len(IMAGE_BETA), WIDTH)
        self.image_asked = nn.Parameter(0.02 * torch.randn(WIDTH))

        # denoiser transformer (pgraft_image.gen:20)
        self.clock = layers.Clock(WIDTH)
        self.label_value = nn.Embedding(11, WIDTH)
        self.first = layers.Loop(layers=3, width=WIDTH, heads=4, expansion=4)
        self.image_head = patches.Head((8, 8, 1), (2, 2), WIDTH)

    def trunk(self, x: dict[str, Tensor]) -> Tensor:
        """Every token's row (B, 16, WIDTH)."""
        image = self.image_value(x["image"])
        image = image + self.image_asked
        tokens = image
        clock = self.clock(
            x["time"], self.image_level(x["image_count"][:, 0]), self.label_value(x["label"][:, 0])
        )
        return self.first(tokens, clock, None)

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator, since: int = 0) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what is learned from it.

        ``clean`` is the state that the trajectory has reached before visit number ``since``: data for 0.
        """
        image = clean.values["image"]
        label = clean.values["label"]
        shares = torch.tensor((0.9, 0.1), device=generator.device)  # of TASKS
        task = torch.multinomial(shares, len(clean), replacement=True, generator=generator)[:, None]
        label = torch.where(task == 0, label, 10)  # 10: unknown
        t = torch.randint(since, ROUNDS, (len(clean), 1), generator=generator, device=generator.device)
        n = IMAGE_STEPS * t + torch.randint(
            1, IMAGE_STEPS + 1, (len(clean), 1), generator=generator, device=generator.device
        )
        image_since = torch.full_like(n, IMAGE_STEPS * since)
        noisy, clean, eps, weight = self.image_noise.onward(image, image_since, n, generator)
        return {
            "time": t[:, 0] / VISITS,
            "label": label,
            "image": noisy,
            "image_count": n,
            "image_target": self.image_noise.velocity(clean, eps, n),
            "image_weight": weight,
        }

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        h = self.trunk(x)

        # predict image by velocity (pgraft_image.gen:22)
        guess = self.image_head(h)
        cost = (x["image_weight"] * (guess - x["image_target"]).square()).mean(-1)
        return {"image": cost.mean()}

    # ---- sampling

    @torch.no_grad()
    def sample(
        self,
        start: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        guidance: float = 0.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """New examples on the sites that ``start`` says exist; where ``given`` holds, its values are kept."""
        noise, path = self.begin(start, given, generator)
        return self.descend(noise, given, path, generator, guidance, progress)[1]

    def begin(
        self, start: Examples, given: dict[str, Tensor], generator: torch.Generator
    ) -> tuple[Examples, order.Trajectory]:
        """Pure noise where nothing is given, and the visits that lead to it."""
        path = order.Trajectory(ROUND, ROUNDS, len(start), generator)
        image = self.image_noise.prior((len(start), 1, 64), generator)
        label = start.values.get(
            "label", torch.zeros(len(start), 1, dtype=torch.int64, device=generator.device)
        )
        noise = Examples({"image": image, "label": label}, start.present)
        return noise, path

    @torch.no_grad()
    def descend(
        self,
        noise: Examples,
        given: dict[str, Tensor],
        path: order.Trajectory,
        generator: torch.Generator,
        guidance: float = 0.0,
        progress: Callable[[int], None] | None = None,
        level: int = LEVEL,
    ) -> tuple[Examples, Examples]:
        """``path`` backwards: the state at ``level``, reached by the tuned weights, and what the reference makes of it."""
        state = self.denoise(noise, given, path.between(level, VISITS), generator, guidance, progress)
        with adapters.off(self):
            return state, self.denoise(state, given, path.between(0, level), generator, guidance, progress)

    @torch.no_grad()
    def redenoise(
        self,
        samples: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        rounds: int = 1,
        guidance: float = 0.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """Finished samples, noised for ``rounds`` rounds and denoised again (ReDeNoise)."""
        path = order.Trajectory(ROUND, rounds, len(samples), generator)
        n = torch.full(samples.values["image"].shape[:2], IMAGE_STEPS * rounds, device=generator.device)
        image, _ = self.image_noise.at(samples.values["image"], n, generator)
        noisy = Examples(samples.values | {"image": image}, samples.present)
        return self.descend(noisy, given, path, generator, guidance, progress)[1]

    def unknown(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """``x`` with label unknown: the other branch of guidance."""
        return x | {"label": torch.full_like(x["label"], 10)}

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], guidance: float) -> dict[str, Tensor]:
        """One visit backwards: image drawn anew with ``noise``."""
        image = x["image"]
        for k in reversed(range(1, IMAGE_STEPS + 1)):
            n = x["image_count"] + k
            now = x | {"image": image, "image_count": n}
            guess = self.image_head(self.trunk(now))
            if guidance:
                other = self.trunk(self.unknown(now))
                guess = kernels.guided(guess, self.image_head(other), guidance)
            origin = self.image_noise.clean_from_velocity(image, guess, n)
            image = self.image_noise.denoise(image, origin, n, noise["image"][k - 1])
        return {"image": image}

    @torch.no_grad()
    def denoise(
        self,
        state: Examples,
        given: dict[str, Tensor],
        path: order.Trajectory,
        generator: torch.Generator,
        guidance: float = 0.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """``path`` backwards: each visited site is drawn from its conditional given all the others."""
        image = state.values["image"]
        label = state.values["label"]
        label_known = given.get("label", torch.zeros_like(label, dtype=torch.bool))
        label = torch.where(label_known, label, 10)
        for t in reversed(path.visits):
            x = {
                "time": torch.full((len(state),), t / VISITS, device=generator.device),
                "label": label,
                "image": image,
                "image_count": torch.full(image.shape[:2], IMAGE_STEPS * t, device=image.device),
            }
            noise = {"image": self.image_noise.fresh((IMAGE_STEPS, *image.shape), generator)}
            image = self.visit(x, noise, guidance)["image"]
            if progress is not None:
                progress(1)
        return Examples(
            {"image": image if path.low else image.clamp(-1.0, 1.0), "label": label}, state.present
        )
