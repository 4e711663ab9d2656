"""Builds a text-to-image pipeline small enough for a laptop: coloured shapes on white, by prompt.

    python scripts/build_shapes_pipeline.py build/shapes

It is a Stable Diffusion pipeline of diffusers with every part tiny: a tokenizer of a dozen words, a text encoder, an
autoencoder of 16 x 16 pictures and a UNet on its 8 x 8 latents, trained on pictures that are drawn here.  Where shapes
lie and how large they are is left to chance, which is what `specs/pgraft_t2i.gen` then shapes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

SIDE = 16
COLOURS = {"red": (220, 40, 40), "green": (40, 160, 70), "blue": (50, 80, 220), "yellow": (235, 200, 50)}
SHAPES = ("square", "circle", "triangle")
WORDS = ("a", "an", *COLOURS, *SHAPES)
RADII = (1.8, 6.5)


def picture(colour: str, shape: str, radius: float, x: float, y: float) -> np.ndarray:
    """One picture (SIDE, SIDE, 3) of bytes; the edge is blended over a pixel."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    dx, dy = columns - x, rows - y
    inside = {
        "square": radius * 0.9 - np.maximum(abs(dx), abs(dy)),
        "circle": radius - np.hypot(dx, dy),
        "triangle": np.minimum(radius * 0.9 - dy, (dy + radius) / 2 - abs(dx) * 0.95),
    }[shape]
    cover = np.clip(inside + 0.5, 0, 1)[..., None]
    return np.round(255 * (1 - cover) + np.array(COLOURS[colour]) * cover).astype(np.uint8)


def examples(count: int, seed: int) -> tuple[Tensor, list[str]]:
    """Pictures (count, 3, SIDE, SIDE) in [-1, 1] and their prompts."""
    rng = np.random.default_rng(seed)
    pictures, prompts = [], []
    for _ in range(count):
        colour, shape = rng.choice(list(COLOURS)), rng.choice(SHAPES)
        radius = rng.uniform(*RADII)
        x, y = rng.uniform(radius, SIDE - radius, 2)
        pictures.append(picture(colour, shape, radius, x, y))
        prompts.append(f"a {colour} {shape}")
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1, prompts


def tokenizer() -> CLIPTokenizer:
    """A byte pair encoding whose merges make a token of each of `WORDS`; other words fall into letters."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    known = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{c}</w>" for c in letters)]
    merges: list[str] = []
    for word in WORDS:
        parts = [*word[:-1], f"{word[-1]}</w>"]
        left = parts[0]
        for right in parts[1:]:
            if f"{left} {right}" not in merges:
                merges.append(f"{left} {right}")
                known.append(left + right)
            left += right
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "vocab.json").write_text(json.dumps({token: k for k, token in enumerate(known)}))
        (root / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        return CLIPTokenizer.from_pretrained(folder, model_max_length=8)


def pipeline(width: int = 32, prediction: str = "epsilon", seed: int = 0) -> StableDiffusionPipeline:
    """All parts, untrained."""
    torch.manual_seed(seed)
    words = tokenizer()
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
            max_position_embeddings=8, bos_token_id=0, eos_token_id=1, pad_token_id=1,
        )
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(16, 32), layers_per_block=1, latent_channels=4, norm_num_groups=8, sample_size=SIDE,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, mid_block_add_attention=False,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=SIDE // 2, in_channels=4, out_channels=4, layers_per_block=1, cross_attention_dim=64, norm_num_groups=width // 4,
        block_out_channels=(width, 2 * width, 2 * width), attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1, prediction_type=prediction,
    )  # fmt: skip
    return StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=words, unet=unet, scheduler=scheduler, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip


def train_autoencoder(vae: AutoencoderKL, steps: int, batch: int) -> None:
    optimizer = torch.optim.AdamW(vae.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-4)
    pictures, _ = examples(4096, seed=1)
    start = time.time()
    for step in range(steps):
        x = pictures[torch.randint(len(pictures), (batch,))]
        law = vae.encode(x).latent_dist
        loss = nn.functional.mse_loss(vae.decode(law.sample()).sample, x) + 1e-4 * law.kl().mean() / 1024
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % max(1, steps // 10) == 0:
            print(
                f"autoencoder {step + 1:>6}/{steps}  loss {loss.item():.4f}  {time.time() - start:.0f} s",
                flush=True,
            )
    with torch.no_grad():
        spread = vae.encode(pictures[:512]).latent_dist.mean.std()
    vae.register_to_config(scaling_factor=1 / float(spread))


def train_denoiser(pipe: StableDiffusionPipeline, steps: int, batch: int) -> None:
    """UNet and text encoder together, with a prompt in ten left empty, for guidance."""
    pictures, prompts = examples(8192, seed=2)
    with torch.no_grad():
        latents = torch.cat([pipe.vae.encode(p).latent_dist.mean for p in pictures.split(256)])
    latents *= pipe.vae.config.scaling_factor
    ids = pipe.tokenizer([*prompts, ""], padding="max_length", max_length=8, return_tensors="pt").input_ids
    weights = [*pipe.unet.parameters(), *pipe.text_encoder.parameters()]
    averages = [p.detach().clone() for p in weights]
    optimizer = torch.optim.AdamW(weights, lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=1e-4)
    signal = pipe.scheduler.alphas_cumprod
    start, shown = time.time(), 0.0
    for step in range(steps):
        rows = torch.randint(len(latents), (batch,))
        t = torch.randint(len(signal), (batch,))
        clean, eps = latents[rows], torch.randn(batch, *latents.shape[1:])
        a, s = signal[t].sqrt()[:, None, None, None], (1 - signal[t]).sqrt()[:, None, None, None]
        asked = torch.where(torch.rand(batch) < 0.1, len(prompts), rows)
        hidden = pipe.text_encoder(ids[asked]).last_hidden_state
        loss = nn.functional.mse_loss(pipe.unet(a * clean + s * eps, t, hidden).sample, eps)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        torch._foreach_lerp_(
            averages, [p.detach() for p in weights], 1 - min(0.998, (1 + step) / (10 + step))
        )
        shown += loss.item()
        every = max(1, steps // 20)
        if (step + 1) % every == 0:
            print(
                f"denoiser {step + 1:>6}/{steps}  loss {shown / every:.4f}  {time.time() - start:.0f} s",
                flush=True,
            )
            shown = 0.0
    with torch.no_grad():
        for p, average in zip(weights, averages, strict=True):
            p.copy_(average)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, help="folder of the pipeline")
    parser.add_argument("--autoencoder-steps", type=int, default=600)
    parser.add_argument("--steps", type=int, default=1200, help="of the denoiser (default 1200)")
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    pipe = pipeline()
    train_autoencoder(pipe.vae, options.autoencoder_steps, options.batch)
    train_denoiser(pipe, options.steps, options.batch)
    pipe.save_pretrained(options.out)
    print(f"pipeline -> {options.out}")


if __name__ == "__main__":
    main()
