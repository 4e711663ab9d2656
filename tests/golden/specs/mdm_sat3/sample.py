"""Samples mdm_sat3 from a trained run.

    python sample.py --run runs/mdm_sat3 --count 600 --out samples.parquet

Compiled from mdm_sat3.gen (sha256 99f46c128d0d) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, MdmSat3, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/mdm_sat3",
        out="samples/mdm_sat3.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=600,
        batch=200,
        seed=0,
        temperature=1.0,
        tasks=("first+second+third",),
        refine=None,
    )
    model = MdmSat3()
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
