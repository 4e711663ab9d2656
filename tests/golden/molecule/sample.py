"""Samples molecule from a trained run.

    python sample.py --run runs/molecule --count 1000 --out samples.parquet

Compiled from molecule.gen (sha256 23ee0d74f1ba) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, Molecule, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/molecule",
        out="samples/molecule.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=1000,
        batch=250,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=(1, 6),
    )
    model = Molecule()
    session.draw(
        model,
        FIELDS,
        load_data,
        tasks={
            "nothing": {},
        },
        trim=True,
        report=REPORT,
    )


if __name__ == "__main__":
    training.main(main)
