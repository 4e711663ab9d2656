"""Advises the level of pgraft_image's shaping: what each keeps of the gain, from pairs of completions.

    python levels.py --run runs/pgraft_image

Compiled from pgraft_image.gen (sha256 5e0cdb1dbfd1) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, VISITS, PgraftImage, load_data

from gencc.runtime import training
from gencc.runtime.images import Images
from gencc.runtime.shaping import levels, rewards, selection


def main() -> None:
    session = levels.begin(__doc__, run="runs/pgraft_image", out="runs/pgraft_image/levels.json")
    model = PgraftImage()
    session.measure(
        model,
        FIELDS,
        load_data,
        reward=rewards.Measured(
            Images("image", "label", "digits", (1, 8, 8, 1), metrics=("classifier",), half=0), "classifier"
        ),  # pgraft_image.gen:37
        rule=selection.Top(2, of=8),  # pgraft_image.gen:38
        task={"label": "all"},
        visits=VISITS,
    )


if __name__ == "__main__":
    training.main(main)
