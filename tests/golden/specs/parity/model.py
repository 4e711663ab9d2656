"""parity: the process and its denoiser.

Compiled from parity.gen (sha256 906e68c5b691) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencc.runtime import data, kernels, layers, oracles, order
from gencc.runtime.sites import Examples

# order = all(bit)  (parity.gen:8)
ROUNDS = 4
ROUND = order.together("bit", 4)
VISITS = 4  # of a whole trajectory

# noise bit = uniform(keep = geometric(0.3)): what 4 visits keep  (parity.gen:9)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
BIT_KEEP = 0.3 ** (4 * u)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "bit": data.Tokens(size=4, values=2),  # parity.gen:4
}


class Parity(nn.Module):
    """Diffusion over bit in joint visits: the sites of a visit are denoised independently of one another."""

    def __init__(self) -> None:
        super().__init__()
        self.bit_noise = kernels.uniform(BIT_KEEP, 2)
        # denoiser exact (parity.gen:12): the true conditionals of a law known in closed form
        weights, tokens = oracles.table(oracles.even_parity(4), {"bit": 4})
        self.oracle = oracles.Mixture(
            weights,
            tokens,
            vectors={},
            noise={
                "bit": self.bit_noise,
            },
            plates={},
        )

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what the visit asks for."""
        bit = clean.values["bit"]
        bit_free = torch.ones_like(bit, dtype=torch.bool)
        free = {"bit": bit_free}
        visit = order.pick(ROUND, ROUNDS, free, generator)
        x = {
            "time": visit.time / VISITS,
        }

        m = visit.count["bit"]
        before = self.bit_noise.at(bit, m, generator)
        after = self.bit_noise.visit(before, m, generator)
        x |= {
            "bit": torch.where(visit.query["bit"], after, before),
            "bit_count": m + visit.query["bit"],
            "bit_query": visit.query["bit"],
            "bit_target": before,
        }
        return x

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        loss: dict[str, Tensor] = {}

        # predict bit by cross_entropy (parity.gen:14)
        index, asked = layers.queried(x["bit_query"], 4)
        logits = layers.take(self.oracle.before("bit", x, seen=True), index).float()
        target = layers.take(x["bit_target"], index)
        cost = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
        loss["bit"] = torch.where(asked, cost, 0.0).sum(1).mean() / 4
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
        bit = self.bit_noise.prior((len(start), 4), generator)
        noise = Examples({"bit": bit}, start.present)
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
        noisy = Examples(samples.values | {"bit": bit}, samples.present)
        return self.denoise(noisy, given, path, generator, temperature, progress)

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: the variables named in ``noise``, with the sites that the visit asks about drawn anew."""
        index, asked = layers.queried(x["bit_query"], 4)
        logits = layers.take(self.oracle.before("bit", x, seen=True), index).float()
        token = kernels.choose(logits / temperature, noise["bit"])
        return {"bit": layers.put(x["bit"], index, token, asked)}

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
        """``path`` backwards: each visited site is drawn from its conditional given the state."""
        bit = state.values["bit"]
        bit_free = torch.ones_like(bit, dtype=torch.bool)
        free = {"bit": bit_free}
        for visit in path.backwards(free):
            bit_query = visit.query["bit"] & bit_free
            bit_count = visit.count["bit"].expand(bit.shape)
            x = {
                "time": torch.full((len(state),), visit.time / VISITS, device=generator.device),
                "bit": bit,
                "bit_count": bit_count + bit_query,
                "bit_query": bit_query,
            }
            noise = {"bit": kernels.gumbel((*bit.shape, 2), generator)}
            bit = self.visit(x, noise, temperature)["bit"]
            if progress is not None:
                progress(1)
        return Examples({"bit": bit}, state.present)
