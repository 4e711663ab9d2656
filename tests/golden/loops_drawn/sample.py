"""Samples loops_drawn from a trained run.

    python sample.py --run runs/loops_drawn --count 64 --out samples.parquet

Compiled from loops_drawn.gen (sha256 e25c85f72e8f) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, LoopsDrawn, load_data

from gencc.runtime import loop_counts, sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/loops_drawn",
        out="samples/loops_drawn.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        tasks=("nothing",),
        refine=None,
        loops=loop_counts.Loops(trained=6, most=12, chosen=None, until=True),
    )
    model = LoopsDrawn()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}})


if __name__ == "__main__":
    training.main(main)
