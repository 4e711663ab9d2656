"""Samples table_gaps from a trained run.

    python sample.py --run runs/table_gaps --count 64 --out samples.parquet

Compiled from table_gaps.gen (sha256 bbbe09b65902) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, TableGaps, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/table_gaps",
        out="samples/table_gaps.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
    )
    model = TableGaps(
        job_values=session.checkpoint.values("job"), job_frequencies=session.checkpoint.frequencies("job")
    )
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}}, report=REPORT)


if __name__ == "__main__":
    training.main(main)
