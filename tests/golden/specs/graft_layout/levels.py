"""Advises the level of graft_layout's shaping: what each keeps of the gain, from pairs of completions.

    python levels.py --run runs/graft_layout

Compiled from graft_layout.gen (sha256 a30bd9bf76a4) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, VISITS, GraftLayout, load_data

from gencc.runtime import training
from gencc.runtime.shaping import levels, rewards, selection


def main() -> None:
    session = levels.begin(__doc__, run="runs/graft_layout", out="runs/graft_layout/levels.json")
    model = GraftLayout(category_values=session.checkpoint.values("category"))
    session.measure(
        model,
        FIELDS,
        load_data,
        reward=rewards.Measured(REPORT, "alignment"),  # graft_layout.gen:43
        rule=selection.Top(2, of=8),  # graft_layout.gen:44
        task={},
        visits=VISITS,
        trim=True,
    )


if __name__ == "__main__":
    training.main(main)
