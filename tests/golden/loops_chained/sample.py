"""Samples loops_chained from a trained run.

    python sample.py --run runs/loops_chained --count 64 --out samples.parquet

Compiled from loops_chained.gen (sha256 f4e81d72c376) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, LoopsChained, load_data

from gencc.runtime import loop_counts, sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/loops_chained",
        out="samples/loops_chained.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
        loops=loop_counts.Loops(trained=4, most=8, chosen=4),
    )
    model = LoopsChained()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}})


if __name__ == "__main__":
    training.main(main)
