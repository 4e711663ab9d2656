"""Samples sat from a trained run.

    python sample.py --run runs/sat --count 1000 --out samples.parquet

Compiled from sat.gen (sha256 6d37b352741f) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, Sat, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/sat",
        out="samples/sat.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=1000,
        batch=250,
        seed=0,
        temperature=1.0,
        tasks=("first+second+third",),
        refine=None,
    )
    model = Sat()
    session.draw(
        model,
        FIELDS,
        load_data,
        tasks={
            "first+second+third": {"first": "all", "second": "all", "third": "all"},
        },
        trim=True,
        report=REPORT,
    )


if __name__ == "__main__":
    training.main(main)
