"""layout_factorised: the process and its denoiser.

Compiled from layout_factorised.gen (sha256 2977237b9c1b) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencc.runtime import data, kernels, layers
from gencc.runtime.layouts import Layouts
from gencc.runtime.sites import Examples

ELEMENT = 25  # plate element (layout_factorised.gen:11)

# order = all(category) & all(box)  (layout_factorised.gen:18)
ROUNDS = 4
VISITS = 4  # of a whole trajectory

# noise category = uniform(keep = cosine): what 4 visits keep  (layout_factorised.gen:19)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
CATEGORY_KEEP = torch.cos(0.5 * torch.pi * u).square()

# noise box = gaussian(beta = linear(1e-4, 2e-2), steps = 25): 100 inner steps  (layout_factorised.gen:20)
BOX_STEPS = 25
u = torch.linspace(0.0, 1.0, 100, dtype=torch.float64)
BOX_BETA = (10.0 * (0.0001 + 0.0199 * u)).clamp_max(0.999)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "category": data.Tokens("element", 25),  # layout_factorised.gen:12
    "box": data.Vectors("element", 25, length=4, low=0.0, high=1.0),  # layout_factorised.gen:13
}
REPORT = Layouts(
    "element", "category", "box", metrics=("alignment", "overlap", "max_iou")
)  # layout_factorised.gen:44
TASKS = ("nothing", "category")  # layout_factorised.gen:32
WIDTH = 128


def load_data() -> data.Dataset:
    """The examples of layout_factorised.gen:5, split."""
    return data.load("layouts:qt", FIELDS, train=0.85, group="source", seed=0)


class LayoutFactorised(nn.Module):
    """Diffusion over category, box in joint visits: the sites of a visit are denoised independently of one another."""

    def __init__(self, category_values: int) -> None:
        super().__init__()
        self.category_noise = kernels.uniform(CATEGORY_KEEP, category_values)
        self.box_noise = kernels.Gaussian(BOX_BETA, BOX_STEPS, bound=1.0)

        # One token per element: the sum of what is known of its variables.
        self.element = nn.Parameter(0.02 * torch.randn(ELEMENT, WIDTH))
        self.category_value = nn.Embedding(category_values, WIDTH)
        self.category_level = layers.Levels(4, WIDTH)
        self.category_asked = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.category_given = nn.Parameter(0.02 * torch.randn(WIDTH))
        self.box_value = layers.Vector(4, WIDTH)
        self.box_level = layers.Levels(len(BOX_BETA), WIDTH)
        self.box_asked = nn.Parameter(0.02 * torch.randn(WIDTH))

        # denoiser transformer (layout_factorised.gen:23)
        self.clock = layers.Clock(WIDTH)
        self.core_loop = layers.Loop(layers=4, width=WIDTH, heads=4, expansion=4)
        self.category_head = layers.TokenHead(WIDTH, category_values)
        self.box_head = layers.DiffusionHead(WIDTH, hidden=128, layers=3, length=4, levels=len(BOX_BETA))

    def trunk(self, x: dict[str, Tensor]) -> Tensor:
        """Every token's row (B, 25, WIDTH)."""
        category = self.category_value(x["category"])
        category = category + self.category_level(x["category_count"])
        category = category + x["category_query"][..., None] * self.category_asked
        category = category + x["category_given"][..., None] * self.category_given
        box = self.box_value(x["box"])
        box = box + self.box_level(x["box_count"])
        box = box + x["box_query"][..., None] * self.box_asked
        tokens = self.element[: x["element_present"].shape[1]] + category + box
        clock = self.clock(x["time"])
        present = x["element_present"][:, None, None, :]
        return self.core_loop(tokens, clock, present)

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator, draws: int = 4) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what the visit asks for."""
        element_present = clean.present["element"]
        category = clean.values["category"]
        box = clean.values["box"]
        task = torch.randint(len(TASKS), (len(clean), 1), generator=generator, device=generator.device)
        category_given = element_present & (task == 1)
        category_free = element_present & ~category_given
        t = torch.randint(ROUNDS, (len(clean), 1), generator=generator, device=generator.device)
        x = {"time": t[:, 0] / VISITS, "element_present": element_present}

        m = t.expand_as(category) * ~category_given
        before = self.category_noise.at(category, m, generator)
        after = self.category_noise.visit(before, m, generator)
        x |= {
            "category": torch.where(category_free, after, before),
            "category_count": m + category_free,
            "category_query": category_free,
            "category_given": category_given,
            "category_target": before,
        }

        n = BOX_STEPS * t.expand(box.shape[:2])
        end = n + BOX_STEPS * element_present
        noisy, _ = self.box_noise.at(box, end, generator)
        # The head sees the queried sites at several inner steps of the visit, for one run of the trunk.
        inner = torch.randint(1, BOX_STEPS + 1, (*n.shape, draws), generator=generator, device=n.device)
        inner = n[..., None] + inner
        origin = box[:, :, None].expand(*inner.shape, -1)
        reached = noisy[:, :, None].expand(*inner.shape, -1)
        until = end[..., None].expand(inner.shape)
        value, eps = self.box_noise.bridge(origin, reached, inner, until, generator)
        x |= {
            "box": noisy,
            "box_count": end,
            "box_inner_count": inner,
            "box_query": element_present,
            "box_inner": value,
            "box_target": eps,
        }
        return x

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        h = self.trunk(x)
        loss: dict[str, Tensor] = {}

        # predict category by cross_entropy (layout_factorised.gen:29)
        asked = x["category_query"]
        logits = self.category_head(h)
        cost = F.cross_entropy(logits.transpose(1, 2), x["category_target"], reduction="none")
        loss["category"] = torch.where(asked, cost, 0.0).sum(1).mean() / 25

        # predict box by epsilon (layout_factorised.gen:30)
        asked = x["box_query"]
        row = h[:, :, None]
        guess = self.box_head(row, x["box_inner"], x["box_inner_count"])
        cost = (guess - x["box_target"]).square().mean((-2, -1))
        loss["box"] = (cost * asked).sum(1).mean() / 25
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
        category = self.category_noise.prior(start.present["element"].shape, generator)
        box = self.box_noise.prior((*start.present["element"].shape, 4), generator)
        if "category" in given:
            category = torch.where(given["category"], start.values["category"], category)
        noise = Examples({"category": category, "box": box}, start.present)
        return self.denoise(noise, given, ROUNDS, generator, temperature, progress)

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
        m = torch.full_like(samples.values["category"], rounds)
        category = self.category_noise.at(samples.values["category"], m, generator)
        n = torch.full(samples.values["box"].shape[:2], BOX_STEPS * rounds, device=generator.device)
        box, _ = self.box_noise.at(samples.values["box"], n, generator)
        if "category" in given:
            category = torch.where(given["category"], samples.values["category"], category)
        noisy = Examples(samples.values | {"category": category, "box": box}, samples.present)
        return self.denoise(noisy, given, rounds, generator, temperature, progress)

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: the sites that it asks about drawn anew with ``noise``."""
        drawn: dict[str, Tensor] = {}
        h = self.trunk(x)
        logits = self.category_head(h).float()
        token = kernels.choose(logits / temperature, noise["category"])
        drawn["category"] = torch.where(x["category_query"], token, x["category"])
        n = x["box_count"] - BOX_STEPS
        value = x["box"]
        for k in reversed(range(1, BOX_STEPS + 1)):
            guess = self.box_head(h, value, n + k)
            origin = self.box_noise.clean_from_epsilon(value, guess, n + k)
            value = self.box_noise.denoise(value, origin, n + k, noise["box"][k - 1])
        drawn["box"] = torch.where(x["box_query"][..., None], value, x["box"])
        return drawn

    @torch.no_grad()
    def denoise(
        self,
        state: Examples,
        given: dict[str, Tensor],
        rounds: int,
        generator: torch.Generator,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """The last ``rounds`` rounds backwards: every site is drawn from its conditional given the state."""
        element_present = state.present["element"]
        category = state.values["category"]
        box = state.values["box"]
        category_given = given.get("category", torch.zeros_like(element_present))
        category_free = element_present & ~category_given
        for t in reversed(range(rounds)):
            x = {
                "time": torch.full((len(state),), t / VISITS, device=generator.device),
                "element_present": element_present,
                "category": category,
                "category_count": (t + 1) * category_free,
                "category_query": category_free,
                "category_given": category_given,
                "box": box,
                "box_count": BOX_STEPS * (t + 1) * element_present,
                "box_query": element_present,
            }
            noise = {
                "category": kernels.gumbel((*category.shape, self.category_noise.values), generator),
                "box": self.box_noise.fresh((BOX_STEPS, *box.shape), generator),
            }
            drawn = self.visit(x, noise, temperature)
            category = drawn["category"]
            box = drawn["box"]
            if progress is not None:
                progress(1)
        return Examples(
            {
                "category": category * element_present,
                "box": box.clamp(-1.0, 1.0) * element_present[..., None],
            },
            state.present,
        )
