"""Tables on disk: finding or making them, and reading their columns."""

from __future__ import annotations

import math
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from ..csv_files import read_csv
from ..errors import UserError

LAYOUTS = Path(__file__).with_name("layouts")


def locate(source: str, base: Path | None = None) -> Path:
    """The file behind a source; paths are relative to ``base``.

    ``layouts:NAME``, ``qm9`` and ``qm9:tiny`` are tables of ours or of an installed package, ``sat3:n=9`` and
    ``cnf:FOLDER`` are made on first use and kept, so are ``mnist``, ``mnist:5k``, ``digits`` and
    ``moving-digits:frames=8,size=32,count=20000``; ``parquet:PATH`` and ``csv:PATH`` are the user's.
    """
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
    if kind == "qm9":
        from . import molecules

        if rest not in ("", "tiny"):
            raise UserError(f"{source}: no such table; write qm9, or qm9:tiny for 200 of its molecules")
        return molecules.tiny_table() if rest else molecules.cached_table()
    if kind in ("mnist", "digits"):
        from . import images

        return images.mnist(rest) if kind == "mnist" else images.digits(rest)
    if kind == "moving-digits":
        from . import videos

        return videos.moving_digits(rest)
    if kind in ("mnist-tokens", "digits-tokens", "moving-digits-tokens"):
        from ..tokenizer import sources

        return sources.table(source)
    if kind == "sat3":
        from . import formulas

        return formulas.cached_table(rest)
    if kind == "cnf" and rest:
        from . import formulas

        return formulas.solved_table((base or Path()) / rest)
    if kind not in ("parquet", "csv") or not rest:
        raise UserError(
            f"{source}: a source is written parquet:PATH, csv:PATH, layouts:NAME, sat3:n=9, cnf:FOLDER, qm9, "
            "mnist, digits, moving-digits:frames=8,size=32 or mnist-tokens:grid=7,codes=64"
        )
    path = (base or Path()) / rest
    if path.is_dir() or not path.exists():
        raise UserError(f"{path}: {'is a folder' if path.is_dir() else 'no such file'} (source = {source!r})")
    return path


def read_arrow(source: str, base: Path | None = None) -> pa.Table:
    """The whole table.  See `csv_files` for the cells of a CSV that hold no value.

    Raises:
        UserError: the file is missing or malformed.
    """
    path = locate(source, base)
    try:
        return read_csv(path) if source.startswith("csv:") else pa.parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path}: cannot be read as {'CSV' if source.startswith('csv:') else 'Parquet'}: {error}"
        ) from error


def read_columns(source: str, columns: list[str], base: Path | None = None) -> pa.Table:
    """The named columns.

    Raises:
        UserError: the file is missing or malformed, or lacks a column.
    """
    table = read_arrow(source, base)
    for name in columns:
        if name not in table.column_names:
            near = get_close_matches(name, table.column_names, n=2) or table.column_names
            raise UserError(
                f'{locate(source, base)}: no column {name!r}; it has {", ".join(near)}. Bind it with `from column "..."`'
            )
        if table.column_names.count(name) > 1:
            raise UserError(f"{locate(source, base)}: two columns are called {name!r}; rename one")
    return table.select(columns)


def read_table(source: str, columns: list[str], base: Path | None = None) -> dict[str, list[Any]]:
    """The named columns as Python lists; raises as `read_columns` does."""
    table = read_columns(source, columns, base)
    return {name: table[name].to_pylist() for name in columns}


def number(value: Any, path: str, row: int, column: str) -> float:
    """A finite number, or an error that says where it is not."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        if value is None:
            raise UserError(
                f"{path}: row {row + 1}, column {column!r}: has no value; fill it, or give the column a variable "
                f'`gap : discrete(missing = yes) from column "{column}"`'
            ) from None
        raise UserError(f"{path}: row {row + 1}, column {column!r}: {value!r} is not a number") from None
    if not math.isfinite(result):
        raise UserError(
            f"{path}: row {row + 1}, column {column!r}: {value!r} is not finite; remove or fill it"
        )
    return result
