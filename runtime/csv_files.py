"""CSV files, read one way by the compiler (which guesses types) and the programs.  Loads pyarrow, and no torch."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

NO_VALUE = ["", "?", " ?", "NA", " NA", "N/A", "NaN", "nan", "null"]
"""Cells that hold no value."""


def read_csv(path: Path) -> pa.Table:
    """The table; headers and texts without the spaces around them.

    Raises:
        pyarrow.ArrowException: the file is no CSV.
    """
    options = pa.csv.ConvertOptions(strings_can_be_null=True, null_values=NO_VALUE)
    table = pa.csv.read_csv(path, convert_options=options)
    columns = [pc.utf8_trim_whitespace(c) if pa.types.is_string(c.type) else c for c in table.columns]
    return pa.table(columns, names=[name.strip() for name in table.column_names])
