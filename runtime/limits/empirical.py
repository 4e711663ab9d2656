"""The tangent kernel of any network, by autodiff: Jacobians of a few examples and a few weights at a time.

Where the closed forms of `kernels` and `deep` apply, use those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.func import jacrev

from .kernels import BUDGET

Weights = Mapping[str, Tensor]


def tangent_kernel(
    function: Callable[[dict[str, Tensor], int], Tensor], weights: Weights, n: int, *, full: bool = False, budget: int = BUDGET
) -> Tensor:  # fmt: skip
    """The tangent kernel of ``function(weights, i)``, the outputs (K,) of example i < n.

    (n, n), the mean over outputs, or with ``full`` (K, K, n, n).  Jacobians are taken of groups of weights, and of blocks of
    examples where those of all do not fit: at most ``budget`` bytes of them are held, and at least one of an example and a
    weight tensor, twice.
    """
    with torch.no_grad():
        first = function(dict(weights), 0)
    outputs, size = len(first), first.element_size()
    out = first.new_zeros(outputs, outputs, n, n) if full else first.new_zeros(n, n)
    for names in _groups(weights, budget // (n * outputs * size)):
        count = sum(weights[name].numel() for name in names)
        block = max(1, min(n, budget // (2 * outputs * count * size)))
        if n * outputs * count * size <= budget:
            block = n
        for i in range(0, n, block):
            here = _jacobian(function, weights, names, range(i, min(n, i + block)))
            for j in range(i, n, block):
                columns = range(j, min(n, j + block))
                there = here if i == j else _jacobian(function, weights, names, columns)
                rows, across = slice(i, i + len(here)), slice(j, j + len(there))
                if full:
                    part = torch.einsum("ikp,jlp->klij", here, there)
                    out[:, :, rows, across] += part
                    if i != j:
                        out[:, :, across, rows] += part.transpose(2, 3).transpose(0, 1)
                else:
                    part = here.flatten(1) @ there.flatten(1).T / outputs
                    out[rows, across] += part
                    if i != j:
                        out[across, rows] += part.T
    return out


def _groups(weights: Weights, most: int) -> list[list[str]]:
    """Names of weights in groups of at most ``most`` numbers, or alone."""
    groups: list[list[str]] = []
    held = most
    for name, weight in weights.items():
        if held + weight.numel() > most:
            groups.append([])
            held = 0
        groups[-1].append(name)
        held += weight.numel()
    return groups


def _jacobian(
    function: Callable[[dict[str, Tensor], int], Tensor], weights: Weights, names: list[str], examples: range
) -> Tensor:
    """(examples, K, numbers of the named weights)."""
    rest = {k: w for k, w in weights.items() if k not in names}

    def of(chosen: dict[str, Tensor], example: int) -> Tensor:
        return function({**rest, **chosen}, example)

    chosen = {k: weights[k] for k in names}
    rows = []
    for example in examples:
        parts = jacrev(lambda c, example=example: of(c, example))(chosen)
        rows.append(torch.cat([parts[k].flatten(1) for k in names], 1))
    return torch.stack(rows)
