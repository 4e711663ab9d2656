"""inc_flow: the process and its denoiser.

Compiled from inc_flow.gen (sha256 16746e5ca2e3) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gencc.runtime import data, kernels, layers, order, patches
from gencc.runtime.sites import Examples

# order = all(image)  (inc_flow.gen:15)
ROUNDS = 1
ROUND = order.together("image", 1)
VISITS = 1  # of a whole trajectory

# noise image = flow(steps = 40): 40 inner steps  (inc_flow.gen:16)
IMAGE_STEPS = 40
IMAGE_LEVELS = 40  # (1 - t) x0 + t eps with t = n / 40 after n of them

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "image": data.Vectors(length=64, low=0.0, high=1.0),  # inc_flow.gen:11
}
WIDTH = 64


def load_data() -> data.Dataset:
    """The examples of inc_flow.gen:6, split."""
    return data.load("digits", FIELDS, train=0.85, seed=0)


class IncFlow(nn.Module):
    """Interleaved Gibbs diffusion over image (arXiv 2502.13450): every visit noises one site."""

    def __init__(self) -> None:
        super().__init__()
        self.image_noise = kernels.Flow(IMAGE_LEVELS, IMAGE_STEPS)

        self.image_value = patches.Embedding((8, 8, 1), (2, 2), WIDTH)

        # denoiser transformer (inc_flow.gen:19)
        self.clock = layers.Clock(WIDTH)
        self.first = layers.Loop(layers=3, width=WIDTH, heads=4, expansion=4)
        self.image_head = patches.Head((8, 8, 1), (2, 2), WIDTH)

    def trunk(self, x: dict[str, Tensor]) -> Tensor:
        """Every token's row (B, 16, WIDTH)."""
        image = self.image_value(x["image"])
        tokens = image
        clock = self.clock(x["image_count"][:, 0] / IMAGE_LEVELS)
        return self.first(tokens, clock, None)

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what the visit asks for."""
        image = clean.values["image"]
        image_free = torch.ones_like(image[..., 0], dtype=torch.bool)
        free = {"image": image_free}
        visit = order.pick(ROUND, ROUNDS, free, generator)
        x = {
            "time": visit.time / VISITS,
        }

        n = IMAGE_STEPS * visit.count["image"]
        inner = torch.randint(1, IMAGE_STEPS + 1, (len(clean), 1), generator=generator, device=n.device)
        n = n + inner * visit.query["image"]
        noisy, eps = self.image_noise.at(image, n, generator)
        x |= {
            "image": noisy,
            "image_count": n,
            "image_query": visit.query["image"],
            "image_target": self.image_noise.velocity(image, eps, n),
        }
        return x

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        h = self.trunk(x)
        loss: dict[str, Tensor] = {}

        # predict image by velocity (inc_flow.gen:27)
        index, asked = layers.queried(x["image_query"], 1)
        guess = self.image_head(h)
        target = layers.take(x["image_target"], index)
        cost = (guess - target).square().mean(-1)
        loss["image"] = (cost * asked).sum(1).mean()
        return loss

    # ---- sampling

    @torch.no_grad()
    def sample(
        self,
        start: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """New examples on the sites that ``start`` says exist; where ``given`` holds, its values are kept."""
        path = order.Trajectory(ROUND, ROUNDS, len(start), generator)
        image = self.image_noise.prior((len(start), 1, 64), generator)
        noise = Examples({"image": image}, start.present)
        return self.denoise(noise, given, path, generator, temperature, progress)

    @torch.no_grad()
    def redenoise(
        self,
        samples: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        rounds: int = 1,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """Finished samples, noised for ``rounds`` rounds and denoised again (ReDeNoise)."""
        path = order.Trajectory(ROUND, rounds, len(samples), generator)
        m = path.count["image"].expand(len(samples), -1)
        image, _ = self.image_noise.at(samples.values["image"], IMAGE_STEPS * m, generator)
        noisy = Examples(samples.values | {"image": image}, samples.present)
        return self.denoise(noisy, given, path, generator, temperature, progress)

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: the variables named in ``noise``, with the sites that the visit asks about drawn anew."""
        index, asked = layers.queried(x["image_query"], 1)
        n = layers.take(x["image_count"], index)
        value = layers.take(x["image"], index)
        now = dict(x)
        for k in reversed(range(1, IMAGE_STEPS + 1)):
            now["image"] = layers.put(x["image"], index, value, asked)
            now["image_count"] = layers.put(x["image_count"], index, n + k, asked)
            guess = self.image_head(self.trunk(now))
            origin = self.image_noise.clean_from_velocity(value, guess, n + k)
            value = self.image_noise.denoise(value, origin, n + k, noise["image"][k - 1])
        return {"image": layers.put(x["image"], index, value, asked)}

    @torch.no_grad()
    def denoise(
        self,
        state: Examples,
        given: dict[str, Tensor],
        path: order.Trajectory,
        generator: torch.Generator,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """``path`` backwards: each visited site is drawn from its conditional given all the others."""
        image = state.values["image"]
        image_free = torch.ones_like(image[..., 0], dtype=torch.bool)
        free = {"image": image_free}
        for visit in path.backwards(free):
            image_query = visit.query["image"] & image_free
            image_count = (IMAGE_STEPS * visit.count["image"]).expand(image.shape[:-1])
            x = {
                "time": torch.full((len(state),), visit.time / VISITS, device=generator.device),
                "image": image,
                "image_count": image_count,
                "image_query": image_query,
            }
            noise = {"image": self.image_noise.fresh((IMAGE_STEPS, *image.shape[:2], 64), generator)}
            image = self.visit(x, noise, temperature)["image"]
            if progress is not None:
                progress(1)
        return Examples({"image": image.clamp(-1.0, 1.0)}, state.present)

    def velocity(self, image: Tensor, n: int) -> Tensor:
        """The flow's velocity at ``image`` (B, 1, 64) after ``n`` inner steps: a step of the sampler leads to image - velocity / 40."""
        count = torch.full((len(image), 1), n, device=image.device)
        x = {
            "time": torch.zeros(len(image), device=image.device),
            "image": image,
            "image_count": count,
            "image_query": torch.ones_like(count, dtype=torch.bool),
        }
        guess: Tensor = self.image_head(self.trunk(x))
        return guess
