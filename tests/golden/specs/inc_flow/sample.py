"""Samples inc_flow from a trained run.

    python sample.py --run runs/inc_flow --count 270 --out samples.parquet

Compiled from inc_flow.gen (sha256 16746e5ca2e3) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, IncFlow, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/inc_flow",
        out="samples/inc_flow.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=270,
        batch=90,
        seed=0,
        tasks=("nothing",),
        refine=None,
    )
    model = IncFlow()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}})


if __name__ == "__main__":
    training.main(main)
