"""Samples igd_molecule from a trained run.

    python sample.py --run runs/igd_molecule --count 1000 --out samples.parquet

Compiled from igd_molecule.gen (sha256 65670d2e7b62) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, IgdMolecule, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/igd_molecule",
        out="samples/igd_molecule.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=1000,
        batch=250,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=(1, 6),
    )
    model = IgdMolecule()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}}, trim=True, report=REPORT)


if __name__ == "__main__":
    training.main(main)
