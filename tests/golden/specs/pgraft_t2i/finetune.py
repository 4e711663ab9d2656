"""Fine-tunes pgraft_t2i on pictures accepted by their reward (P-GRAFT, arXiv 2510.02692).

    python finetune.py
    torchrun --nproc-per-node 2 finetune.py
    python sample.py --adapter

Accepted: the 2 best of 8 of each prompt.  That implies a divergence of 0.832 nats from the reference at the level.

Compiled from pgraft_t2i.gen (sha256 e1bc46c569bb) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from model import FOLDER, PIPELINE, SCHEDULER, PgraftT2i

from gencc.runtime import text_to_image, training
from gencc.runtime.shaping import selection
from gencc.runtime.text_to_image import rewards


def main() -> None:
    session = text_to_image.shaping.begin(
        __doc__,
        Path(__file__).parent,
        pipeline=PIPELINE,
        out="runs/pgraft_t2i-pgraft",
        samples=512,
        steps=400,
        batch=16,
        sample_batch=8,
        seed=0,
        precision="fp32",
        python=True,
    )
    session.shape(
        PgraftT2i(session.load(PIPELINE, FOLDER, SCHEDULER)),
        optimizer=lambda weights: torch.optim.AdamW(
            weights, lr=0.0001, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        ),
        reward=rewards.Python(FOLDER / "rewards/pictures.py", "area"),  # pgraft_t2i.gen:15
        select=selection.Top(2, of=8),  # pgraft_t2i.gen:16
        expected=0.8333,
        states="trajectory",
        rounds=1,
        prompts=FOLDER / "prompts/shapes.txt",  # pgraft_t2i.gen:18
        held_out=FOLDER / "prompts/shapes_held_out.txt",  # pgraft_t2i.gen:19
        warmup=40,
        clip=1.0,
        ema=0.99,
        log_every=20,
        save_every=500,
    )


if __name__ == "__main__":
    training.main(main)
