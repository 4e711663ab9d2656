"""What emitted programs import."""

import torch
from torch import Tensor

from gencc.runtime import kernels


class Cyclic(kernels.Walk):
    """A random walk on a circle of ``values``, each step at most ``reach`` long."""

    def __init__(self, keep: Tensor, values: int, reach: int) -> None:
        here = torch.eye(values, dtype=torch.float64)
        hops = [here.roll(hop, 0) for hop in range(-reach, reach + 1) if hop]
        left, modes = torch.linalg.eigh(torch.stack(hops).mean(0))
        super().__init__(keep, modes.T, 1 - left)


def brier(kernel: kernels.Tokens, logits: Tensor, token: Tensor, m: Tensor) -> Tensor:
    """The squared distance of the predicted law (.., values) from the token (..) that came out."""
    law = logits.softmax(-1)
    return law.square().sum(-1) - 2 * law.gather(-1, token[..., None])[..., 0] + 1


def _scales(kernel: kernels.Vectors, n: Tensor, data: float) -> tuple[Tensor, Tensor, Tensor]:
    """Scales of clean data and of noise after ``n`` inner steps, and of the noisy vector they make."""
    signal, noise = kernel.scales(n)
    return data * signal, noise, (data**2 * signal.square() + noise.square()).sqrt()


def edm(kernel: kernels.Vectors, clean: Tensor, eps: Tensor, n: Tensor, data: float) -> Tensor:
    signal, noise, both = _scales(kernel, n, data)
    return (noise * clean / data - signal * eps) / both


def clean_from_edm(kernel: kernels.Vectors, noisy: Tensor, guess: Tensor, n: Tensor, data: float) -> Tensor:
    signal, noise, both = _scales(kernel, n, data)
    return data * (signal * noisy / both + noise * guess) / both
