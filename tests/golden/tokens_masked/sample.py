"""Samples tokens_masked from a trained run.

    python sample.py --run runs/tokens_masked --count 64 --out samples.parquet

Compiled from tokens_masked.gen (sha256 0626a6178d5b) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, TokensMasked, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/tokens_masked",
        out="samples/tokens_masked.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
    )
    model = TokensMasked()
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}}, trim=True)


if __name__ == "__main__":
    training.main(main)
