"""Samples elt_video from a trained run.

    python sample.py --run runs/elt_video --count 32 --out samples.parquet

Compiled from elt_video.gen (sha256 82db53533b3c) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, REPORT, ROUNDS, VISITS, EltVideo, load_data

from gencc.runtime import loop_counts, sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/elt_video",
        out="samples/elt_video.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=32,
        batch=32,
        seed=0,
        temperature=1.0,
        tasks=("label",),
        refine=None,
        loops=loop_counts.Loops(trained=3, most=6, chosen=3),
    )
    model = EltVideo()
    session.draw(model, FIELDS, load_data, tasks={"label": {"label": "all"}}, report=REPORT)


if __name__ == "__main__":
    training.main(main)
