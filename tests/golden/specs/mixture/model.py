"""mixture: the process and its denoiser.

Compiled from mixture.gen (sha256 69bd850dd130) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencc.runtime import data, kernels, layers, oracles, order
from gencc.runtime.sites import Examples

# order = bit -> spot  (mixture.gen:9)
ROUNDS = 5
ROUND = order.sequence(order.sweep("bit", 1), order.sweep("spot", 1))
VISITS = 10  # of a whole trajectory

# noise bit = uniform(keep = 1 - u): what 5 visits keep  (mixture.gen:10)
u = torch.linspace(0.0, 1.0, 6, dtype=torch.float64)
BIT_KEEP = 1.0 - u

# noise spot = gaussian(beta = linear(1e-4, 2e-2), steps = 10): 50 inner steps  (mixture.gen:11)
SPOT_STEPS = 10
u = torch.linspace(0.0, 1.0, 50, dtype=torch.float64)
SPOT_BETA = (20.0 * (0.0001 + 0.0199 * u)).clamp_max(0.999)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "bit": data.Tokens(values=2),  # mixture.gen:4
    "spot": data.Vectors(length=1),  # mixture.gen:5
}


class Mixture(nn.Module):
    """Interleaved Gibbs diffusion over bit, spot (arXiv 2502.13450): every visit noises one site."""

    def __init__(self) -> None:
        super().__init__()
        self.bit_noise = kernels.uniform(BIT_KEEP, 2)
        self.spot_noise = kernels.Gaussian(SPOT_BETA, SPOT_STEPS)
        # denoiser exact (mixture.gen:14): the true conditionals of a law known in closed form
        weights = torch.tensor([0.3, 0.7], dtype=torch.float64)
        tokens: dict[str, Tensor] = {"bit": F.one_hot(torch.tensor([[0], [1]]), 2).double()}
        self.oracle = oracles.Mixture(
            weights,
            tokens,
            vectors={"spot": oracles.normal([[([-1.5], 0.3)], [([2.0], 0.3)]])},
            noise={"bit": self.bit_noise, "spot": self.spot_noise},
            plates={},
        )

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator, draws: int = 4) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what the visit asks for."""
        bit = clean.values["bit"]
        spot = clean.values["spot"]
        bit_free = torch.ones_like(bit, dtype=torch.bool)
        spot_free = torch.ones_like(spot[..., 0], dtype=torch.bool)
        free = {"bit": bit_free, "spot": spot_free}
        visit = order.pick(ROUND, ROUNDS, free, generator)
        x = {"time": visit.time / VISITS}

        m = visit.count["bit"]
        before = self.bit_noise.at(bit, m, generator)
        x |= {"bit": before, "bit_count": m, "bit_query": visit.query["bit"], "bit_target": bit}

        n = SPOT_STEPS * visit.count["spot"]
        noisy, _ = self.spot_noise.at(spot, n, generator)
        # The head sees the queried sites at several inner steps of the visit, for one run of the trunk.
        index, _ = layers.queried(visit.query["spot"], 1)
        inner = torch.randint(1, SPOT_STEPS + 1, (*index.shape, draws), generator=generator, device=n.device)
        inner = layers.take(n, index)[..., None] + inner
        origin = layers.take(spot, index)[:, :, None].expand(*inner.shape, -1)
        value, eps = self.spot_noise.at(origin, inner, generator)
        x |= {
            "spot": noisy,
            "spot_count": n,
            "spot_inner_count": inner,
            "spot_query": visit.query["spot"],
            "spot_inner": value,
            "spot_target": eps,
        }
        return x

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        loss: dict[str, Tensor] = {}

        # predict bit by clean (mixture.gen:19)
        index, asked = layers.queried(x["bit_query"], 1)
        logits = layers.take(self.oracle.clean("bit", x), index).float()
        target = layers.take(x["bit_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["bit"] = torch.where(asked, cost, 0.0).sum(1).mean()

        # predict spot by epsilon (mixture.gen:20)
        index, asked = layers.queried(x["spot_query"], 1)
        inner = x["spot_inner"]
        row = layers.take(self.oracle.others("spot", x), index)
        guess = torch.stack(
            [
                self.oracle.epsilon("spot", row, index, inner[:, :, d], x["spot_inner_count"][:, :, d])
                for d in range(inner.shape[2])
            ],
            dim=2,
        )
        cost = (guess - x["spot_target"]).square().mean((-2, -1))
        loss["spot"] = (cost * asked).sum(1).mean()
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
        bit = self.bit_noise.prior((len(start), 1), generator)
        spot = self.spot_noise.prior((len(start), 1, 1), generator)
        noise = Examples({"bit": bit, "spot": spot}, start.present)
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
        m = path.count["bit"].expand(len(samples), -1)
        bit = self.bit_noise.at(samples.values["bit"], m, generator)
        m = path.count["spot"].expand(len(samples), -1)
        spot, _ = self.spot_noise.at(samples.values["spot"], SPOT_STEPS * m, generator)
        noisy = Examples(samples.values | {"bit": bit, "spot": spot}, samples.present)
        return self.denoise(noisy, given, path, generator, temperature, progress)

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: the variables named in ``noise``, with the sites that the visit asks about drawn anew."""
        drawn: dict[str, Tensor] = {}
        if "bit" in noise:
            index, asked = layers.queried(x["bit_query"], 1)
            logits = layers.take(self.oracle.clean("bit", x), index).float()
            m = layers.take(x["bit_count"], index)
            logits = self.bit_noise.before(logits, m)
            token = kernels.choose(logits / temperature, noise["bit"])
            drawn["bit"] = layers.put(x["bit"], index, token, asked)
        if "spot" in noise:
            index, asked = layers.queried(x["spot_query"], 1)
            n = layers.take(x["spot_count"], index)
            value = layers.take(x["spot"], index)
            row = layers.take(self.oracle.others("spot", x), index)
            for k in reversed(range(1, SPOT_STEPS + 1)):
                guess = self.oracle.epsilon("spot", row, index, value, n + k)
                origin = self.spot_noise.clean_from_epsilon(value, guess, n + k)
                value = self.spot_noise.denoise(value, origin, n + k, noise["spot"][k - 1])
            drawn["spot"] = layers.put(x["spot"], index, value, asked)
        return drawn

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
        bit = state.values["bit"]
        spot = state.values["spot"]
        bit_free = torch.ones_like(bit, dtype=torch.bool)
        spot_free = torch.ones_like(spot[..., 0], dtype=torch.bool)
        free = {"bit": bit_free, "spot": spot_free}
        for visit in path.backwards(free):
            bit_query = visit.query.get("bit", torch.zeros_like(bit_free)) & bit_free
            bit_count = visit.count["bit"].expand(bit.shape)
            spot_query = visit.query.get("spot", torch.zeros_like(spot_free)) & spot_free
            spot_count = (SPOT_STEPS * visit.count["spot"]).expand(spot.shape[:-1])
            x = {
                "time": torch.full((len(state),), visit.time / VISITS, device=generator.device),
                "bit": bit,
                "bit_count": bit_count,
                "bit_query": bit_query,
                "spot": spot,
                "spot_count": spot_count,
                "spot_query": spot_query,
            }
            noise = {}
            if "bit" in visit.query:
                noise["bit"] = kernels.gumbel((*bit.shape, 2), generator)
            if "spot" in visit.query:
                noise["spot"] = self.spot_noise.fresh((SPOT_STEPS, *spot.shape), generator)
            drawn = self.visit(x, noise, temperature)
            bit = drawn.get("bit", bit)
            spot = drawn.get("spot", spot)
            if progress is not None:
                progress(1)
        return Examples({"bit": bit, "spot": spot}, state.present)
