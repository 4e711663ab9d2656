"""Samples ntk_denoiser from a trained run.

    python sample.py --run runs/ntk_denoiser --count 64 --out samples.parquet

Compiled from ntk_denoiser.gen (sha256 86b62af7a1a7) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from model import FIELDS, ROUNDS, VISITS, NtkDenoiser, load_data

from gencc.runtime import loop_counts, sampling, training


def main() -> None:
    session = sampling.begin(
        __doc__,
        run="runs/ntk_denoiser",
        out="samples/ntk_denoiser.parquet",
        visits=VISITS,
        rounds=ROUNDS,
        count=64,
        batch=64,
        seed=0,
        temperature=1.0,
        tasks=("nothing",),
        refine=None,
        loops=loop_counts.Loops(trained=3, most=6, chosen=3),
    )
    model = NtkDenoiser(category_values=session.checkpoint.values("category"))
    session.draw(model, FIELDS, load_data, tasks={"nothing": {}}, trim=True)


if __name__ == "__main__":
    training.main(main)
