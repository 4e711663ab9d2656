"""Samples ggm_sat3 from a trained run.

    python sample.py --run runs/ggm_sat3 --count 600 --out samples.parquet

Compiled from ggm_sat3.gen (sha256 2b9a30a8c14a) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, GgmSat3, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/ggm_sat3",
        out="samples/ggm_sat3.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=600,
        batch=200,
        seed=0,
        temperature=1.0,
        tasks=("first+second+third",),
        refine=None,
    )
    model = GgmSat3()
    session.draw(
        model,
        FIELDS,
        load_data,
        tasks={"first+second+third": {"first": "all", "second": "all", "third": "all"}},
        trim=True,
        report=REPORT,
    )


if __name__ == "__main__":
    training.main(main)
