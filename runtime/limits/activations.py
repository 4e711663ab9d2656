"""The nonlinearities of a hidden layer, each with its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Activation = Literal["tanh", "erf", "relu"]


def _tanh(a: Tensor) -> tuple[Tensor, Tensor]:
    h = torch.tanh(a)
    return h, 1 - h * h


def _erf(a: Tensor) -> tuple[Tensor, Tensor]:
    return torch.erf(a), (2 / math.sqrt(math.pi)) * torch.exp(-a * a)


def _relu(a: Tensor) -> tuple[Tensor, Tensor]:
    return a.clamp(min=0), (a > 0).to(a.dtype)


ACTIVATIONS: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "tanh": _tanh,
    "erf": _erf,
    "relu": _relu,
}
"""Pre-activations to (phi, phi'), elementwise."""
