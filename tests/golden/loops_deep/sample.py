"""Samples loops_deep from a trained run.

    python sample.py --run runs/loops_deep --count 64 --out samples.parquet

Compiled from loops_deep.gen (sha256 294e09ad5e5d) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, LoopsDeep, load_data

from gencc.runtime import loop_counts, sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/loops_deep",
        out="samples/loops_deep.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        tasks=("nothing",),
        refine=None,
        loops=loop_counts.Loops(trained=4, most=4, chosen=None),
    )
    model = LoopsDeep()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}})


if __name__ == "__main__":
    training.main(main)
