"""Losses of the block `limit`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Form, Rate


class BarlowTwins(Form):
    """`sum_j (1 - C_jj)^2 + lambda sum_jl C_jl^2`, C the cross moment of the two views."""

    word = "barlow_twins"
    lambda_: float = Field(1.0, description="weight of the off-diagonal entries", gt=0, le=1)
    normalize: Literal["none", "batch"] = Field(
        "none",
        description="`batch` standardises each output over the batch, as in practice; C is then not symmetrised",
    )
    ridge: float = Field(0.0, description="weight of the squared RKHS norm in the kernel solution", ge=0)


class LinearForm(Form):
    """`-(s(f, f+) - s(f, f-))`, averaged over the anchors."""

    word = "linear"


class TripletForm(Form):
    """`max(0, margin - s(f, f+) + s(f, f-))`, averaged over the anchors."""

    word = "triplet"
    margin: Rate = Field(1.0, description="margin")


class InfoNceForm(Form):
    """Cross-entropy of the partner among all other outputs (SimCLR)."""

    word = "infonce"
    tau: Rate = Field(0.5, description="temperature")


class SpectralForm(Form):
    """`-2 s(f, f+) + s(f, f-)^2`, averaged (arXiv 2106.04156)."""

    word = "spectral"


class Contrastive(Form):
    """Draws positives together and negatives apart, by their similarity s."""

    word = "contrastive"
    similarity: Literal["dot", "cosine"] = Field(
        "cosine", description="s(a, b): `a . b`, or that over `|a| |b|`"
    )
    form: LinearForm | TripletForm | InfoNceForm | SpectralForm = Field(
        default_factory=LinearForm, description="the loss as a function of similarities"
    )
    negatives: Literal["paired", "all"] = Field(
        "paired", description="`spectral` only: one negative per anchor, or every positive of another anchor"
    )


class Vicreg(Form):
    """Invariance, variance and covariance terms (arXiv 2105.04906)."""

    word = "vicreg"
    invariance: float = Field(25.0, description="weight of the squared distance of the views", ge=0)
    variance: float = Field(
        25.0, description="weight of the hinge that keeps each output's deviation at 1", ge=0
    )
    covariance: float = Field(1.0, description="weight of the squared covariances", ge=0)
    halve: bool = Field(
        False, description="whether the variance term is the mean of the two views, not their sum"
    )
