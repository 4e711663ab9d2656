"""Fine-tunes pgraft_molecule on samples accepted by their reward (P-GRAFT, arXiv 2510.02692).

    python finetune.py --run runs/pgraft_molecule
    torchrun --nproc-per-node 2 finetune.py --base runs/pgraft_molecule
    python sample.py --adapter

Accepted: the 2 best of 8, one of each copy.
Compiled from pgraft_molecule.gen (sha256 79112d888064) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from model import FIELDS, LEVEL, REPORT, PgraftMolecule, load_data

from gencc.runtime import adapters, shaping, training
from gencc.runtime.shaping import rewards, selection


def main() -> None:
    session = shaping.begin(
        __doc__,
        Path(__file__).parent,
        run="runs/pgraft_molecule",
        out="runs/pgraft_molecule-pgraft",
        samples=4096,
        steps=2000,
        batch=64,
        seed=0,
        precision="fp32",
    )
    model = PgraftMolecule()
    session.shape(
        model,
        FIELDS,
        load_data,
        optimizer=lambda weights: torch.optim.AdamW(
            weights, lr=0.0003, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        ),
        reward=rewards.Measured(REPORT, "molecule_stability"),  # pgraft_molecule.gen:41
        select=selection.Top(2, of=8),  # pgraft_molecule.gen:42
        level=LEVEL,
        states="trajectory",
        adapter=adapters.Lora(rank=8),
        rounds=1,
        task={},
        identity=("element",),
        warmup=200,
        clip=1.0,
        ema=0.99,
        log_every=20,
        save_every=500,
        report=REPORT,
        trim=True,
    )


if __name__ == "__main__":
    training.main(main)
