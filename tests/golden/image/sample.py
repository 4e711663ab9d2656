"""Samples image from a trained run.

    python sample.py --run runs/image --count 64 --out samples.parquet

Compiled from image.gen (sha256 f81d70331f8f) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, Image, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/image",
        out="samples/image.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("label",),
        refine=None,
    )
    model = Image()
    session.draw(
        model,
        FIELDS,
        load_data,
        tasks={
            "label": {"label": "all"},
        },
    )


if __name__ == "__main__":
    training.main(main)
