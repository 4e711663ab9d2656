"""From a table to examples: encoding, padding, splitting."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import UserError
from ..sites import Examples
from .fields import Field, Tokens, Vectors
from .table import column_names, locate, number, read_table


@dataclass
class Dataset:
    """The two splits and what was learned on the way: names of tokens, their frequencies, sizes of plates."""

    train: Examples
    test: Examples
    fields: dict[str, Field]
    vocabulary: dict[str, list[str]] = field(default_factory=dict)
    left_out: int = 0

    def values(self, name: str) -> int:
        """How many values a token variable has."""
        return len(self.vocabulary[name])

    def frequencies(self, name: str) -> Tensor:
        """Share of each value among the present training tokens, each counted once more than it occurs."""
        plate = self.fields[name].plate
        tokens = self.train.values[name]
        tokens = tokens[self.train.present[plate]] if plate else tokens.flatten()
        count = torch.bincount(tokens, minlength=self.values(name)).double() + 1
        return count / count.sum()

    def describe(self) -> str:
        skipped = f", {self.left_out} left out (more elements than the plate holds)" if self.left_out else ""
        words = ", ".join(f"{len(v)} values of {k}" for k, v in self.vocabulary.items())
        return f"{len(self.train)} training and {len(self.test)} test examples{skipped}; {words}"


def load(
    source: str,
    fields: Mapping[str, Field],
    train: float = 0.9,
    group: str | None = None,
    seed: int = 0,
    base: Path | None = None,
) -> Dataset:
    """Reads ``source`` and splits it; rows that share a value of column ``group`` stay together.

    Raises:
        UserError: naming file, row and cause.
    """
    names = sorted(
        {c for name, f in fields.items() for c in column_names(name, f)} | ({group} if group else set())
    )
    path = str(locate(source, base))
    table = read_table(source, names, base)
    total = len(next(iter(table.values())))
    if total == 0:
        raise UserError(f"{path}: holds no rows")
    plates = {f.plate: f.size for f in fields.values() if f.plate}
    lengths = {plate: _lengths(plate, fields, table, path) for plate in plates}
    rows = [k for k in range(total) if all(0 < lengths[p][k] <= size for p, size in plates.items())]
    if not rows:
        raise UserError(f"{path}: no row has between 1 and {plates} elements")
    vocabulary: dict[str, list[str]] = {}
    values: dict[str, Tensor] = {}
    for name, f in fields.items():
        if isinstance(f, Tokens):
            values[name], vocabulary[name] = _tokens(name, f, table, rows, path)
        else:
            values[name] = _vectors(name, f, table, rows, path)
    present = {
        plate: torch.arange(size) < torch.tensor([lengths[plate][k] for k in rows])[:, None]
        for plate, size in plates.items()
    }
    everything = Examples(values, present)
    first, second = _split(
        [table[group][k] for k in rows] if group else list(range(len(rows))), train, seed, path, group
    )
    return Dataset(
        everything.take(first), everything.take(second), dict(fields), vocabulary, total - len(rows)
    )


def _lengths(plate: str, fields: Mapping[str, Field], table: dict[str, list[Any]], path: str) -> list[int]:
    """Elements of each row of a plate; its variables must agree."""
    columns = [c for name, f in fields.items() if f.plate == plate for c in column_names(name, f)]
    lengths: list[int] = []
    for k, cells in enumerate(zip(*(table[c] for c in columns), strict=True)):
        for column, cell in zip(columns, cells, strict=True):
            if not isinstance(cell, list):
                raise UserError(
                    f"{path}: row {k + 1}, column {column!r}: a list is expected, one entry per {plate}"
                )
            if len(cell) != len(cells[0]):
                raise UserError(
                    f"{path}: row {k + 1}: column {column!r} lists {len(cell)} values, {columns[0]!r} lists {len(cells[0])}"
                )
        lengths.append(len(cells[0]))
    return lengths


def _tokens(
    name: str, f: Tokens, table: dict[str, list[Any]], rows: list[int], path: str
) -> tuple[Tensor, list[str]]:
    column = column_names(name, f)[0]
    cells = [table[column][k] if f.plate else [table[column][k]] for k in rows]
    if isinstance(f.values, int):
        words: list[Any] = list(range(f.values))
    elif f.values:
        words = list(f.values)
    else:
        words = sorted({v for cell in cells for v in cell if v is not None}, key=lambda v: (str(type(v)), v))
    index = {v: k for k, v in enumerate(words)}
    out = torch.zeros(len(rows), f.size, dtype=torch.int64)
    for k, cell in enumerate(cells):
        for j, v in enumerate(cell):
            if v not in index:
                raise UserError(
                    f"{path}: row {rows[k] + 1}, column {column!r}: {v!r} is not one of the {len(words)} values of `{name}`"
                )
            out[k, j] = index[v]
    return out, [str(w) for w in words]


def _vectors(name: str, f: Vectors, table: dict[str, list[Any]], rows: list[int], path: str) -> Tensor:
    columns = column_names(name, f)
    out = torch.zeros(len(rows), f.size, f.length)
    for k, row in enumerate(rows):
        parts = [table[c][row] for c in columns]
        cells = (
            (list(zip(*parts, strict=True)) if f.plate else [parts])
            if f.columns
            else (parts[0] if f.plate else [parts[0]])
        )
        for j, cell in enumerate(cells):
            vector = cell if isinstance(cell, list | tuple) else [cell]
            if len(vector) != f.length:
                raise UserError(
                    f"{path}: row {row + 1}, column {columns[0]!r}: {len(vector)} numbers where `{name}` has {f.length}"
                )
            for d, v in enumerate(vector):
                value = number(v, path, row, columns[d] if f.columns else columns[0])
                if f.low is not None and f.high is not None:
                    slack = 1e-4 * (f.high - f.low)
                    if not f.low - slack <= value <= f.high + slack:
                        raise UserError(
                            f"{path}: row {row + 1}, column {columns[0]!r}: {value:g} is outside [{f.low:g}, {f.high:g}] of `{name}`"
                        )
                    value = 2 * (value - f.low) / (f.high - f.low) - 1
                out[k, j, d] = value
    return out


def _split(keys: list[Any], train: float, seed: int, path: str, group: str | None) -> tuple[Tensor, Tensor]:
    """Row numbers of the two splits: whole groups, taken for the test split in a random order while they fit it."""
    groups: dict[Any, list[int]] = {}
    for k, key in enumerate(keys):
        groups.setdefault(key, []).append(k)
    order = sorted(groups, key=str)
    random.Random(seed).shuffle(order)
    first: list[int] = []
    second: list[int] = []
    for key in order:
        (second if len(second) + len(groups[key]) / 2 <= (1 - train) * len(keys) else first).extend(
            groups[key]
        )
    if not second and train < 1 and len(groups) > 1:
        smallest = min(order, key=lambda key: len(groups[key]))
        second = groups[smallest]
        first = [k for key in order if key != smallest for k in groups[key]]
    if not first or (not second and train < 1):
        what = (
            f"all rows share one value of {group!r}"
            if group and len(groups) == 1
            else "there are too few rows"
        )
        raise UserError(f"{path}: a split of {train:.0%} leaves one side empty: {what}")
    return torch.tensor(sorted(first)), torch.tensor(sorted(second), dtype=torch.int64)
