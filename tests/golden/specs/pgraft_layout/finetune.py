"""Fine-tunes pgraft_layout on samples accepted by their reward (P-GRAFT, arXiv 2510.02692).

    python finetune.py --run runs/graft_layout
    torchrun --nproc-per-node 2 finetune.py --base runs/graft_layout
    python sample.py --adapter

Accepted: the 2 best of 8.  That implies a divergence of 0.832 nats from the reference at the level.
Compiled from pgraft_layout.gen (sha256 6778934c4366) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from model import FIELDS, LEVEL, REPORT, PgraftLayout, load_data

from gencc.runtime import adapters, shaping, training
from gencc.runtime.shaping import rewards, selection


def main() -> None:
    session = shaping.begin(
        __doc__,
        Path(__file__).parent,
        run="runs/graft_layout",
        out="runs/pgraft_layout-pgraft",
        samples=2048,
        steps=1000,
        batch=64,
        seed=0,
        precision="fp32",
    )
    model = PgraftLayout(category_values=session.checkpoint.values("category"))
    session.shape(
        model,
        FIELDS,
        load_data,
        optimizer=lambda weights: torch.optim.AdamW(
            weights, lr=0.001, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        ),
        reward=rewards.Measured(REPORT, "alignment"),  # pgraft_layout.gen:44
        select=selection.Top(2, of=8),  # pgraft_layout.gen:45
        expected=0.8333,
        level=LEVEL,
        states="trajectory",
        adapter=adapters.Lora(rank=8),
        rounds=1,
        task={},
        warmup=100,
        clip=1.0,
        ema=0.99,
        log_every=20,
        save_every=500,
        report=REPORT,
        trim=True,
    )


if __name__ == "__main__":
    training.main(main)
