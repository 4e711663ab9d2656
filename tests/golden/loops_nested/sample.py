"""Samples loops_nested from a trained run.

    python sample.py --run runs/loops_nested --count 64 --out samples.parquet

Compiled from loops_nested.gen (sha256 637609e09c50) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, LoopsNested, load_data

from gencc.runtime import loop_counts, sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/loops_nested",
        out="samples/loops_nested.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
        loops=loop_counts.Loops(trained=3, most=6, chosen=3),
    )
    model = LoopsNested()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}})


if __name__ == "__main__":
    training.main(main)
