"""From a table to examples: encoding, padding, splitting."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import UserError
from ..sites import Examples
from . import scales
from .arrays import Array, first_outside, regular, wide
from .codec import MISSING, Codec, gaps
from .fields import Field, Tokens, Vectors, column_names
from .scales import Scale
from .table import locate, number, read_columns


@dataclass
class Dataset:
    """The two splits, and what was learned on the way: names of tokens and scales of numbers (``codec``)."""

    train: Examples
    test: Examples
    codec: Codec
    left_out: int = 0

    @property
    def vocabulary(self) -> dict[str, list[str]]:
        return self.codec.vocabulary

    def values(self, name: str) -> int:
        """How many values a token variable has."""
        return len(self.vocabulary[name])

    def frequencies(self, name: str) -> Tensor:
        """Share of each value among the present training tokens, each counted once more than it occurs."""
        plate = self.codec.fields[name].plate
        tokens = self.train.values[name]
        tokens = tokens[self.train.present[plate]] if plate else tokens.flatten()
        count = torch.bincount(tokens, minlength=self.values(name)).double() + 1
        return count / count.sum()

    def describe(self) -> str:
        skipped = (
            f", {self.left_out} left out (no elements, or more than the plate holds)" if self.left_out else ""
        )
        words = "".join(f"; {len(v)} values of {k}" for k, v in self.vocabulary.items())
        single = [k for k, v in self.vocabulary.items() if len(v) == 1] + self._constant()
        note = f"; of a single value, which carries nothing: {', '.join(single)}" if single else ""
        return f"{len(self.train)} training and {len(self.test)} test examples{skipped}{words}{note}"

    def _constant(self) -> list[str]:
        """Columns of numbers that never change over the training rows."""
        out = []
        for name, f in self.codec.fields.items():
            if isinstance(f, Vectors) and not f.plate and len(self.train) > 1:
                flat = self.train.values[name].flatten(1)
                same = (flat == flat[:1]).all(0).tolist()
                if f.spread:
                    out += [
                        column for column, still in zip(column_names(name, f), same, strict=True) if still
                    ]
                elif all(same):
                    out.append(name)
        return out


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
    raw = _read(source, fields, group, base)
    values, rows, path = raw.values, raw.rows, raw.path
    first, second = _split(
        [raw.groups[k] for k in rows] if group else list(range(len(rows))), train, seed, path, group
    )
    codec = Codec(dict(fields), raw.vocabulary, _scales(fields, values, raw.present, first), raw.types)
    everything = _encoded(raw, codec)
    return Dataset(everything.take(first), everything.take(second), codec, raw.total - len(rows))


def encode(source: str, codec: Codec, base: Path | None = None) -> Examples:
    """The examples of another file, as the training data was written.

    Raises:
        UserError: naming file, row and cause; also where a value was never seen in training.
    """
    fields = {
        name: replace(f, values=tuple(codec.values(name)))
        if isinstance(f, Tokens) and f.values is None and not f.missing
        else f
        for name, f in codec.fields.items()
    }
    raw = _read(source, fields, None, base)
    if len(raw.rows) < raw.total:
        missing = next(k for k in range(raw.total) if k not in set(raw.rows))
        raise UserError(
            f"{raw.path}: row {missing + 1} has no elements, or more than its plate holds; leave it out"
        )
    return _encoded(raw, codec)


@dataclass
class _Raw:
    """What a file holds, before scaling: only ``rows`` fit the plates."""

    path: str
    total: int
    rows: list[int]
    groups: list[Any]
    values: dict[str, Tensor]
    present: dict[str, Tensor]
    vocabulary: dict[str, list[str]]
    types: dict[str, str]


def _read(source: str, fields: Mapping[str, Field], group: str | None, base: Path | None) -> _Raw:
    names = sorted(
        {c for name, f in fields.items() for c in column_names(name, f)} | ({group} if group else set())
    )
    path = str(locate(source, base))
    columns = read_columns(source, names, base)
    total = columns.num_rows
    arrays = {c: a for c in wide(fields) if c != group and (a := regular(columns[c])) is not None}
    table = {c: columns[c].to_pylist() for c in names if c not in arrays}
    if total == 0:
        raise UserError(f"{path}: holds no rows")
    plates = {f.plate: f.size for f in fields.values() if f.plate}
    lengths = {plate: _lengths(plate, fields, table, path) for plate in plates}
    rows = [k for k in range(total) if all(0 < lengths[p][k] <= size for p, size in plates.items())]
    if not rows:
        longest = ", ".join(f"{max(lengths[p])} in {p}[{size}]" for p, size in plates.items())
        raise UserError(
            f"{path}: no row fits the plates (the longest row has {longest} elements); make the plates larger"
        )
    vocabulary: dict[str, list[str]] = {}
    types: dict[str, str] = {}
    values: dict[str, Tensor] = {}
    spaces = gaps(fields)
    for name, f in fields.items():
        column = column_names(name, f)[0]
        if column in arrays:
            values[name] = _regular(name, f, arrays[column], rows, path)
            if isinstance(f, Tokens):
                assert isinstance(f.values, int)
                vocabulary[name], types[name] = [str(w) for w in range(f.values)], "int"
        elif isinstance(f, Vectors):
            values[name] = _vectors(name, f, table, rows, path, set(spaces))
        elif f.missing:
            empty = [_is_missing(table[column_names(name, f)[0]][k]) for k in rows]
            values[name], vocabulary[name] = torch.tensor(empty).long()[:, None], ["known", "missing"]
        else:
            values[name], words = _tokens(name, f, table, rows, path)
            vocabulary[name] = [MISSING if w is None else str(w) for w in words]
            types[name] = _type(words)
    present = {
        plate: torch.arange(size) < torch.tensor([lengths[plate][k] for k in rows])[:, None]
        for plate, size in plates.items()
    }
    return _Raw(path, total, rows, table[group] if group else [], values, present, vocabulary, types)


def _encoded(raw: _Raw, codec: Codec) -> Examples:
    values = dict(raw.values)
    for name, f in codec.fields.items():
        if isinstance(f, Vectors):
            scaled = codec.encode(name, values[name])
            values[name] = scaled * raw.present[f.plate][..., None] if f.plate else scaled
    return Examples(values, raw.present)


def _regular(name: str, f: Field, array: Array, rows: list[int], path: str) -> Tensor:
    """Numbers (rows, sites, length), or tokens (rows, sites), of a column that is one array."""
    column, numbers = column_names(name, f)[0], f.size * (f.length if isinstance(f, Vectors) else 1)
    if array.shape[1] != numbers:
        what = "values" if isinstance(f, Tokens) else "numbers"
        raise UserError(
            f"{path}: row 1, column {column!r}: {array.shape[1]} {what} where `{name}` has {numbers}"
        )
    array = array if len(rows) == len(array) else array[rows]
    wrong = first_outside(array, f)
    if wrong is not None:
        row, value = wrong
        place = f"{path}: row {rows[row] + 1}, column {column!r}: {value:g}"
        if isinstance(f, Tokens):
            raise UserError(f"{place} is not one of the {f.values} values of `{name}`")
        if not np.isfinite(value):
            raise UserError(f"{place} is not finite; remove or fill it")
        raise UserError(f"{place} is outside [{f.low:g}, {f.high:g}] of `{name}`")
    if isinstance(f, Tokens):
        return torch.from_numpy(array.astype(np.int64))
    found = torch.from_numpy(np.array(array, dtype=np.float32 if array.dtype == np.float32 else np.float64))
    return found.reshape(len(rows), f.size, f.length)


def _scales(
    fields: Mapping[str, Field], values: dict[str, Tensor], present: dict[str, Tensor], train: Tensor
) -> dict[str, list[Scale]]:
    """Scales fitted on the training rows: one per column, or one for all numbers of a column of lists."""
    out: dict[str, list[Scale]] = {}
    for name, f in fields.items():
        if not isinstance(f, Vectors) or f.scale == "none":
            continue
        raw = values[name][train]
        kept = raw[present[f.plate][train]] if f.plate else raw.flatten(1)
        columns = list(kept.flatten(1).T) if f.spread else [kept.flatten()]
        out[name] = [scales.fit(f.scale, column[~column.isnan()].double().numpy()) for column in columns]
    return out


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


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, float) and value != value)


def _tokens(
    name: str, f: Tokens, table: dict[str, list[Any]], rows: list[int], path: str
) -> tuple[Tensor, list[Any]]:
    """Numbers of the values (rows, sites), and the values; None is one of them where some are missing."""
    column = column_names(name, f)[0]
    several = f.plate is not None or f.size > 1
    cells = [table[column][k] if several else [table[column][k]] for k in rows]
    if isinstance(f.values, int):
        words: list[Any] = list(range(f.values))
    elif f.values:
        words = list(f.values)
    else:
        # No value is a value of its own.
        seen = {None if _is_missing(v) else v for cell in cells for v in cell}
        words = sorted(seen - {None}, key=lambda v: (str(type(v)), v)) + ([None] if None in seen else [])
    index = {v: k for k, v in enumerate(words)}
    if None in index:
        index |= {"": index[None]}
    codes = np.zeros((len(rows), f.size), dtype=np.int64)
    for k, cell in enumerate(cells):
        if not f.plate and len(cell) != f.size:
            raise UserError(
                f"{path}: row {rows[k] + 1}, column {column!r}: {len(cell)} values where `{name}` has {f.size}"
            )
        try:
            codes[k, : len(cell)] = [index[v] for v in cell]
        except KeyError as error:
            raise UserError(
                f"{path}: row {rows[k] + 1}, column {column!r}: {error.args[0]!r} is not one of the {len(words)} values of `{name}`"
            ) from None
    return torch.from_numpy(codes), words


def _type(words: list[Any]) -> str:
    """What the values are in the file, if they are all alike."""
    kinds = {type(w).__name__ for w in words if w is not None}
    return kinds.pop() if len(kinds) == 1 and kinds <= {"int", "float", "bool"} else "str"


def _vectors(
    name: str, f: Vectors, table: dict[str, list[Any]], rows: list[int], path: str, optional: set[str]
) -> Tensor:
    """Raw numbers (rows, sites, length) in float64; nan where a column of ``optional`` has none."""
    columns = column_names(name, f)
    out = np.zeros((len(rows), f.size, f.length))
    if f.spread and not f.plate:
        for j, column in enumerate(columns):
            cells = table[column]
            numbers = [
                float("nan")
                if column in optional and _is_missing(cells[row])
                else number(cells[row], path, row, column)
                for row in rows
            ]
            out[:, j // f.length, j % f.length] = numbers
    else:
        for k, row in enumerate(rows):
            parts = [table[c][row] for c in columns]
            if f.spread:
                cells = list(zip(*parts, strict=True))
            else:
                cells = parts[0] if f.plate or f.size > 1 else [parts[0]]
            if not f.plate and len(cells) != f.size:
                raise UserError(
                    f"{path}: row {row + 1}, column {columns[0]!r}: {len(cells)} values where `{name}` has {f.size}"
                )
            for j, cell in enumerate(cells):
                vector = cell if isinstance(cell, list | tuple) else [cell]
                if len(vector) != f.length:
                    raise UserError(
                        f"{path}: row {row + 1}, column {columns[0]!r}: {len(vector)} numbers where `{name}` has {f.length}"
                    )
                if columns[0] in optional and _is_missing(vector[0]):
                    out[k, j] = np.nan
                    continue
                out[k, j] = [
                    number(v, path, row, columns[d] if f.spread else columns[0]) for d, v in enumerate(vector)
                ]
    if f.low is not None and f.high is not None:
        slack = 1e-4 * (f.high - f.low)
        there = (
            np.arange(f.size)
            < np.array([f.size if not f.plate else len(table[columns[0]][r]) for r in rows])[:, None]
        )
        wrong = np.argwhere(there[..., None] & ((out < f.low - slack) | (out > f.high + slack)))
        if len(wrong):
            k, j, d = wrong[0]
            raise UserError(
                f"{path}: row {rows[k] + 1}, column {columns[0]!r}: {out[k, j, d]:g} is outside [{f.low:g}, {f.high:g}] of `{name}`"
            )
    return torch.from_numpy(out)


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
