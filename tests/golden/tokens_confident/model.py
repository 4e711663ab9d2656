"""tokens_confident: the process and its denoiser.

Compiled from tokens_confident.gen (sha256 ab71a7d24410) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gencc.runtime import data, kernels, layers, order
from gencc.runtime.sites import Examples

# order = confidence(token, 8, formula)  (tokens_confident.gen:10)
ROUNDS = 1
VISITS = 8  # of a whole trajectory
MASKED = (0, 7, 14, 20, 25, 30, 33, 35, 36)  # tokens before visit 0, and after each

# noise token = mask(keep = linear): what 1 visits keep  (tokens_confident.gen:11)
u = torch.linspace(0.0, 1.0, 2, dtype=torch.float64)
TOKEN_KEEP = 1.0 - u

# What a data file holds of each variable.
FIELDS: dict[str, data.Tokens | data.Vectors] = {
    "token": data.Tokens(size=36, values=64)  # tokens_confident.gen:6
}
WIDTH = 64


def load_data() -> data.Dataset:
    """The examples of tokens_confident.gen:4, split."""
    return data.load("parquet:tokens.parquet", FIELDS, train=0.9, seed=0, base=Path(__file__).parent / ".")


class TokensConfident(nn.Module):
    """Masked token, the most confident unmasked first (MaskGIT, arXiv 2202.04200)."""

    def __init__(self) -> None:
        super().__init__()
        self.token_noise = kernels.mask(TOKEN_KEEP, 64)

        self.token_site = layers.Grid((6, 6), WIDTH)
        self.token_value = layers.Tokens(65, WIDTH)

        # denoiser transformer (tokens_confident.gen:14)
        self.clock = layers.Clock(WIDTH)
        self.core_loop = layers.Loop(layers=2, width=WIDTH, heads=4, expansion=4)
        self.token_head = layers.TokenHead(WIDTH, 64)

    def trunk(self, x: dict[str, Tensor]) -> Tensor:
        """Every token's row (B, 36, WIDTH)."""
        token = self.token_value(x["token"])
        tokens = self.token_site() + token
        clock = self.clock(x["time"])
        return self.core_loop(tokens, clock, None)

    # ---- training

    def corrupt(self, clean: Examples, generator: torch.Generator) -> dict[str, Tensor]:
        """The state at a random visit of each trajectory, in closed form, and what the visit asks for."""
        token = clean.values["token"]
        t = torch.randint(VISITS, (len(clean),), generator=generator, device=generator.device)
        # A random set is masked, as large as after visit t, and all of it is asked for (MaskGIT, arXiv 2202.04200).
        size = torch.tensor(MASKED, device=generator.device)[t + 1, None]
        masked = torch.rand(token.shape, generator=generator, device=generator.device).argsort(1) < size
        return {
            "time": t / VISITS,
            "token": torch.where(masked, self.token_noise.clean_values, token),
            "token_query": masked,
            "token_target": token,
        }

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor]:
        """Mean loss per variable, each averaged over the batch."""
        h = self.trunk(x)

        # predict token by clean (tokens_confident.gen:20)
        asked = x["token_query"]
        logits = self.token_head(h)
        cost = F.cross_entropy(logits.transpose(1, 2), x["token_target"], reduction="none")
        return {"token": (torch.where(asked, cost, 0.0).sum(1) / asked.sum(1)).mean()}

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
        token = self.token_noise.prior((len(start), 36), generator)
        noise = Examples({"token": token}, start.present)
        return self.denoise(noise, given, generator, temperature, progress)

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
        m = torch.full_like(samples.values["token"], rounds)
        token = self.token_noise.at(samples.values["token"], m, generator)
        noisy = Examples(samples.values | {"token": token}, samples.present)
        return self.denoise(noisy, given, generator, temperature, progress)

    def visit(self, x: dict[str, Tensor], noise: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
        """One visit backwards: the sites that it asks about drawn anew with ``noise``."""
        h = self.trunk(x)
        # The visit's plan says how many stay masked, the network's confidence which (MaskGIT, arXiv 2202.04200).
        logits = self.token_head(h).float() / temperature
        token = kernels.choose(logits, noise["token"])
        wobble = 4.5 * x["time"][:, None] * noise["token chosen"]
        sure = order.surest(logits, token, x["token_query"], x["token_stay"], wobble)
        return {"token": torch.where(sure, token, x["token"])}

    @torch.no_grad()
    def denoise(
        self,
        state: Examples,
        given: dict[str, Tensor],
        generator: torch.Generator,
        temperature: float = 1.0,
        progress: Callable[[int], None] | None = None,
    ) -> Examples:
        """All visits backwards: each commits the tokens that the denoiser is surest of."""
        token = state.values["token"]
        for t in reversed(range(VISITS)):
            x = {
                "time": torch.full((len(state),), t / VISITS, device=generator.device),
                "token": token,
                "token_stay": torch.full((len(state),), MASKED[t], device=generator.device),
                "token_query": token == self.token_noise.clean_values,
            }
            noise = {
                "token": kernels.gumbel((*token.shape, 64), generator),
                "token chosen": kernels.gumbel(token.shape, generator),
            }
            token = self.visit(x, noise, temperature)["token"]
            if progress is not None:
                progress(1)
        return Examples({"token": token}, state.present)
