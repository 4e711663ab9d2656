"""Samples tokens_glauber from a trained run.

    python sample.py --run runs/tokens_glauber --count 64 --out samples.parquet

Compiled from tokens_glauber.gen (sha256 93ccb675b3cd) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, TokensGlauber, load_data

from gencc.runtime import sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/tokens_glauber",
        out="samples/tokens_glauber.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=(1, 2),
    )
    model = TokensGlauber(
        letter_values=session.checkpoint.values("letter"),
        letter_frequencies=session.checkpoint.frequencies("letter"),
    )
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}}, trim=True)


if __name__ == "__main__":
    training.main(main)
