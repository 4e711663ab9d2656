"""Samples tokens_confident from a trained run.

    python sample.py --run runs/tokens_confident --count 64 --out samples.parquet

Compiled from tokens_confident.gen (sha256 ab71a7d24410) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, TokensConfident, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/tokens_confident",
        out="samples/tokens_confident.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
    )
    model = TokensConfident()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}})


if __name__ == "__main__":
    training.main(main)
