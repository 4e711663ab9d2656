"""parity: the process and its denoiser.

Compiled from parity.gen (sha256 906e68c5b691) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencc.runtime import data, kernels, oracles
from gencc.runtime.sites import Examples

# order = all(bit)  (parity.gen:8)
ROUNDS = 4
VISITS = 4  # of a whole trajectory

# noise bit = uniform(keep = geometric(0.3)): what 4 visits keep  (parity.gen:9)
u = torch.linspace(0.0, 1.0, 5, dtype=torch.float64)
BIT_KEEP = 0.3 ** (4 * u)

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "bit": data.Tokens(size=4, values=2)  # parity.gen:4
}


class Parity(nn.Module):
    """Diffusion over bit in joint visits: the sites of a visit are denoised independently of one another."""

    def __init__(self) -> None:
        super().__init__()
        self.bit_noise = kernels.uniform(BIT_KEEP, 2)
        # denoiser exact (parity.gen:12): the true conditionals of a law known in closed form
        weights, tokens = oracles.table(oracles.even_parity(4), {"bit": 4})
        self.oracle = oracles.Mixture(weights, tokens, vectors={}, noise={"bit": self.bit_noise}, plates={})

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what is learned from it."""
        bit = clean.values["bit"]
        t = torch.randint(ROUNDS, (len(clean), 1), generator=generator, device=generator.device)
        m = t.expand_as(bit)
        before = self.bit_noise.at(bit, m, generator)
        after = self.bit_noise.visit(before, m, generator)
        return {"time": t[:, 0] / VISITS, "bit": after, "bit_count": m + 1, "bit_target": before}

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""

        # predict bit by cross_entropy (parity.gen:14)
        logits = self.oracle.before("bit", x, seen=True).float()
        cost = F.cross_entropy(logits.transpose(1, 2), x["bit_target"], reduction="none")
        return {"bit": cost.mean()}

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
        bit = self.bit_noise.prior((len(start), 4), generator)
        noise = Examples({"bit": bit}, start.present)
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
        m = torch.full_like(samples.values["bit"], rounds)
        bit = self.bit_noise.at(samples.values["bit"], m, generator)
        noisy = Examples(samples.values | {"bit": bit}, samples.present)
        return self.denoise(noisy, given, rounds, generator, temperature, progress)

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: bit drawn anew with ``noise``."""
        logits = self.oracle.before("bit", x, seen=True).float()
        token = kernels.choose(logits / temperature, noise["bit"])
        return {"bit": token}

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
        bit = state.values["bit"]
        for t in reversed(range(rounds)):
            x = {
                "time": torch.full((len(state),), t / VISITS, device=generator.device),
                "bit": bit,
                "bit_count": torch.full_like(bit, t + 1),
            }
            noise = {"bit": kernels.gumbel((*bit.shape, 2), generator)}
            bit = self.visit(x, noise, temperature)["bit"]
            if progress is not None:
                progress(1)
        return Examples({"bit": bit}, state.present)
