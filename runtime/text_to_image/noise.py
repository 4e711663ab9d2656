"""Noise levels of a pipeline's scheduler, and what its network learns between the start of the chain and a level.

A time t has latents a_t x_0 + s_t eps with a_t^2 + s_t^2 = 1.  The sampler's steps go from its first time to ever earlier
ones; the level lies before the last ``level`` steps.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Noise:
    """The times at which an adapter is on, and the targets there; ``level`` of ``steps`` steps are the reference's."""

    def __init__(self, scheduler: Any, steps: int, level: int) -> None:
        scheduler.set_timesteps(steps)
        times = [int(t) for t in scheduler.timesteps]
        self.first = times[0]
        self.since = times[steps - level] if level else -1
        """The time of the level; -1 stands for finished latents."""
        self.signal: Tensor = scheduler.alphas_cumprod.double()
        self.predicts: str = scheduler.config.prediction_type

    def times(self, count: int, generator: torch.Generator) -> Tensor:
        """Times (count,) at which the adapter is on, uniformly."""
        return torch.randint(
            self.since + 1, self.first + 1, (count,), generator=generator, device=generator.device
        )

    def scales(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """a_t and s_t (B, 1, 1, 1) in float64."""
        signal = torch.cat([self.signal, self.signal.new_ones(1)]).to(time.device)[
            time
        ]  # the last is time -1
        return signal.sqrt()[:, None, None, None], (1 - signal).sqrt()[:, None, None, None]

    def finished(self, latents: Tensor, time: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """Finished ``latents`` (B, c, h, w) noised to ``time`` (B,), and what the network should say of them."""
        a, s = self.scales(time)
        eps = torch.randn(latents.shape, generator=generator, device=latents.device)
        target = {"epsilon": eps, "v_prediction": a * eps - s * latents, "sample": latents}[self.predicts]
        return {"noisy": (a * latents + s * eps).float(), "time": time, "target": target.float()}

    def onward(self, latents: Tensor, time: Tensor, generator: torch.Generator) -> dict[str, Tensor]:
        """``latents`` (B, c, h, w) of the level noised on to ``time`` (B,), and what the network should say of them.

        The target has the conditional mean that the scheduler's own target has when the latents of the level follow their
        law, whatever that is: it follows from the noise added since the level.  Its variance grows without bound near the
        level, where ``weight`` falls (arXiv 2510.02692; `runtime.kernels.Vectors.onward` is the same for emitted models).
        """
        (a, s), (a_level, s_level) = self.scales(time), self.scales(torch.full_like(time, self.since))
        ratio = a / a_level
        added = (s.square() - (ratio * s_level).square()).clamp_min(1e-12).sqrt()
        eps = torch.randn(latents.shape, generator=generator, device=latents.device)
        target = {
            "epsilon": s / added * eps,
            "v_prediction": s / a_level * (ratio / added * eps - latents),
            "sample": (latents - ratio * s_level.square() / added * eps) / a_level,
        }[self.predicts]
        noisy, weight = ratio * latents + added * eps, (added / s).square()
        return {"noisy": noisy.float(), "time": time, "target": target.float(), "weight": weight.float()}
