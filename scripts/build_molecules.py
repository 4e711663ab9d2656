"""Rebuilds the shipped table of 200 molecules from the installed qm9pack: ``python scripts/build_molecules.py``."""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import pyarrow.parquet as pq

from gencc.runtime.data.molecules import cached_table

OUT = Path(__file__).resolve().parent.parent / "runtime" / "data" / "molecules" / "tiny.parquet"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    whole = pq.read_table(cached_table())
    rows = sorted(random.Random(options.seed).sample(range(whole.num_rows), options.rows))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(whole.take(rows), options.out, compression="zstd", compression_level=19)
    print(
        f"{options.rows} of {whole.num_rows} molecules, {options.out.stat().st_size / 1e3:.0f} kB -> {options.out}"
    )


if __name__ == "__main__":
    main()
