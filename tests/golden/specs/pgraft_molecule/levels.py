"""Advises the level of pgraft_molecule's shaping: what each keeps of the gain, from pairs of completions.

    python levels.py --run runs/pgraft_molecule

Compiled from pgraft_molecule.gen (sha256 79112d888064) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, VISITS, PgraftMolecule, load_data

from gencc.runtime import training
from gencc.runtime.shaping import levels, rewards, selection


def main() -> None:
    session = levels.begin(__doc__, run="runs/pgraft_molecule", out="runs/pgraft_molecule/levels.json")
    model = PgraftMolecule()
    session.measure(
        model,
        FIELDS,
        load_data,
        reward=rewards.Measured(REPORT, "molecule_stability"),  # pgraft_molecule.gen:41
        rule=selection.Top(2, of=8),  # pgraft_molecule.gen:42
        task={},
        visits=VISITS,
        trim=True,
    )


if __name__ == "__main__":
    training.main(main)
