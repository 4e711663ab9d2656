"""Learns the noise that inc_flow makes data of, and samples from it (inverse noise correction, arXiv 2510.02692).

    python correct.py --run runs/inc_flow

Real data is taken back through the sampler's own 40 steps; a small flow learns the law of what comes out, and its
samples are the noise that the sampler starts from.

Compiled from inc_flow.gen (sha256 16746e5ca2e3) by gencc 0.1.0.  Edit the spec, not this file.
"""

from __future__ import annotations

from pathlib import Path

import torch
from corrector import IncFlowCorrector
from model import FIELDS, IncFlow, load_data

from gencc.runtime import correction, training


def main() -> None:
    session = correction.begin(
        __doc__,
        Path(__file__).parent,
        run="runs/inc_flow",
        out="runs/inc_flow-corrector",
        steps=1500,
        batch=64,
        seed=0,
        precision="fp32",
        count=270,
    )
    corrector = IncFlowCorrector()
    optimizer = torch.optim.AdamW(
        corrector.parameters(), lr=0.001, betas=(0.9, 0.99), weight_decay=0.01, fused=True
    )
    session.correct(
        IncFlow(),
        corrector,
        FIELDS,
        load_data,
        optimizer,
        variable="image",
        # backward Euler (inc_flow.gen:39)
        steps=40,
        iterations=32,
        tolerance=1e-06,
        flops=(196608000, 51118080),  # of a sample: the flow's, the corrector's
        warmup=150,
        clip=1.0,
        ema=0.998,
        log_every=20,
        save_every=500,
    )


if __name__ == "__main__":
    training.main(main)
