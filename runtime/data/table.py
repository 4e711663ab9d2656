"""Tables on disk: finding them, reading their columns, and turning examples back into columns."""

from __future__ import annotations

import math
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ..errors import UserError
from ..sites import Examples
from .fields import Field, Tokens, Vectors

LAYOUTS = Path(__file__).with_name("layouts")


def locate(source: str, base: Path | None = None) -> Path:
    """The file behind ``layouts:NAME``, ``parquet:PATH`` or ``csv:PATH``; paths are relative to ``base``."""
    kind, _, rest = source.partition(":")
    if kind == "layouts":
        path = LAYOUTS / f"{rest}.parquet"
        if not path.exists():
            known = ", ".join(f"layouts:{p.stem}" for p in sorted(LAYOUTS.glob("*.parquet")))
            raise UserError(
                f"{source}: no such table (there are {known}). layouts:rico may not be shipped; build it with "
                "`python scripts/build_layouts.py FOLDER` from google-research-datasets/screen_annotation"
            )
        return path
    if kind not in ("parquet", "csv") or not rest:
        raise UserError(f"{source}: a source is written layouts:NAME, parquet:PATH or csv:PATH")
    path = (base or Path()) / rest
    if path.is_dir() or not path.exists():
        raise UserError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'} (source = {source!r})")
    return path


def read_table(source: str, columns: list[str], base: Path | None = None) -> dict[str, list[Any]]:
    """The named columns as Python lists.

    Raises:
        UserError: the file is missing or malformed, or lacks a column.
    """
    path = locate(source, base)
    try:
        table = pa.csv.read_csv(path) if source.startswith("csv:") else pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path}: cannot be read as {'CSV' if source.startswith('csv:') else 'Parquet'}: {error}"
        ) from error
    for name in columns:
        if name not in table.column_names:
            near = get_close_matches(name, table.column_names, n=2) or table.column_names
            raise UserError(
                f'{path}: no column {name!r}; it has {", ".join(near)}. Bind it with `from column "..."`'
            )
    return {name: table[name].to_pylist() for name in columns}


def column_names(name: str, field: Field) -> list[str]:
    """The columns that a variable is read from."""
    if isinstance(field, Vectors) and field.columns:
        return list(field.columns)
    return [(field.column if isinstance(field, Tokens) else None) or name]


def number(value: Any, path: str, row: int, column: str) -> float:
    """A finite number, or an error that says where it is not."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise UserError(f"{path}: row {row + 1}, column {column!r}: {value!r} is not a number") from None
    if not math.isfinite(result):
        raise UserError(
            f"{path}: row {row + 1}, column {column!r}: {value!r} is not finite; remove or fill it"
        )
    return result


def to_columns(
    examples: Examples, fields: dict[str, Field], vocabulary: dict[str, list[str]]
) -> dict[str, list[Any]]:
    """Columns of plain values, as a reader would find them: names for tokens, original ranges for vectors."""
    columns: dict[str, list[Any]] = {}
    for name, field in fields.items():
        value = examples.values[name].cpu()
        present = (
            examples.present[field.plate].cpu().tolist()
            if field.plate
            else [[True] * field.size] * len(value)
        )
        if isinstance(field, Tokens):
            words = vocabulary.get(name)
            rows = [[words[v] if words else v for v in row] for row in value.tolist()]
        else:
            if field.low is not None and field.high is not None:
                value = field.low + (value.double().clamp(-1, 1) + 1) / 2 * (field.high - field.low)
            rows = value.tolist()
        kept = [
            [v for v, there in zip(row, mask, strict=True) if there]
            for row, mask in zip(rows, present, strict=True)
        ]
        if isinstance(field, Vectors) and field.columns:
            for k, column in enumerate(field.columns):
                columns[column] = [[v[k] for v in row] if field.plate else row[0][k] for row in kept]
        else:
            columns[column_names(name, field)[0]] = kept if field.plate else [row[0] for row in kept]
    return columns
