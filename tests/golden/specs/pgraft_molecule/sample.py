"""Samples pgraft_molecule from a trained run.

    python sample.py --run runs/pgraft_molecule --count 1000 --out samples.parquet

Compiled from pgraft_molecule.gen (sha256 79112d888064) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, PgraftMolecule, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/pgraft_molecule",
        out="samples/pgraft_molecule.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=1000,
        batch=250,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
        adapter="runs/pgraft_molecule-pgraft",
    )
    model = PgraftMolecule()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}}, trim=True, report=REPORT)


if __name__ == "__main__":
    training.main(main)
