"""Symmetries of data, used to vary training examples."""

from __future__ import annotations

import torch
from torch import Tensor


def rotate(vectors: Tensor, generator: torch.Generator) -> Tensor:
    """``vectors`` (B, n, d) turned about 0, each example by one rotation drawn uniformly (QR of a Gaussian matrix)."""
    batch, _, d = vectors.shape
    q, r = torch.linalg.qr(torch.randn(batch, d, d, generator=generator, device=vectors.device))
    q = q * r.diagonal(dim1=-2, dim2=-1).sign()[:, None]  # the factor that makes the law of q uniform
    q[:, :, 0] *= torch.linalg.det(q)[:, None]
    turned: Tensor = vectors @ q
    return turned
