"""Tiny text-to-image pipelines, built where they are needed: nothing is downloaded."""

import importlib.util

import pytest
from emitted import ROOT

MISSING = "needs the extra t2i: diffusers, peft, transformers"


def script():
    """`scripts/build_shapes_pipeline.py` as a module."""
    for name in ("diffusers", "peft", "transformers"):
        pytest.importorskip(name, reason=MISSING)
    spec = importlib.util.spec_from_file_location(
        "shapes_pipeline", ROOT / "scripts/build_shapes_pipeline.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stable_diffusion(folder, steps=100):
    """A Stable Diffusion pipeline of latents that are N(0, 1), whatever the prompt, saved in ``folder``.

    The velocity of such latents is 0 at every level, which its network has about learned.
    """
    import torch

    pipe = script().pipeline(width=8, prediction="v_prediction")
    optimizer = torch.optim.Adam(pipe.unet.parameters(), lr=3e-3)
    g = torch.Generator().manual_seed(0)
    for step in range(steps):
        x, t = torch.randn(16, 4, 8, 8, generator=g), torch.randint(1000, (16,), generator=g)
        loss = pipe.unet(x, t, torch.randn(16, 8, 64, generator=g)).sample.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / steps)
    pipe.save_pretrained(folder)
    return folder


def stable_diffusion_xl(folder):
    """One of the XL kind: two text encoders, and a network that is told the picture's size."""
    import torch
    from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    base = script().pipeline(width=8)
    torch.manual_seed(0)
    config = CLIPTextConfig(
        vocab_size=len(base.tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=8, projection_dim=16, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, cross_attention_dim=64, norm_num_groups=4,
        block_out_channels=(8, 16), attention_head_dim=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), addition_embed_type="text_time", addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=16 + 6 * 4,
    )  # fmt: skip
    StableDiffusionXLPipeline(
        vae=base.vae, text_encoder=CLIPTextModel(config), text_encoder_2=CLIPTextModelWithProjection(config),
        tokenizer=base.tokenizer, tokenizer_2=base.tokenizer, unet=unet, scheduler=base.scheduler,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def clip(folder):
    """A CLIP model that has learned nothing."""
    import torch
    import transformers

    words = script().tokenizer()
    torch.manual_seed(0)
    layers = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {
        "vocab_size": len(words),
        "max_position_embeddings": 8,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    config = transformers.CLIPConfig(
        text_config=layers | text,
        vision_config=layers | {"image_size": 16, "patch_size": 8},
        projection_dim=8,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    words.save_pretrained(folder)
    prepare = getattr(transformers, "CLIPImageProcessorPil", None) or transformers.CLIPImageProcessor
    prepare(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}).save_pretrained(folder)
    return folder
