"""Samples graft_layout from a trained run.

    python sample.py --run runs/graft_layout --count 64 --out samples.parquet

Compiled from graft_layout.gen (sha256 a30bd9bf76a4) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, GraftLayout, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/graft_layout",
        out="samples/graft_layout.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
        adapter="runs/graft_layout-graft",
    )
    model = GraftLayout(category_values=session.checkpoint.values("category"))
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}}, trim=True, report=REPORT)


if __name__ == "__main__":
    training.main(main)
