"""A Stable Diffusion checkpoint in one file, with the keys of its original implementation."""

from pathlib import Path
from typing import Any

import diffusers
import torch
from safetensors.torch import save_file

from pipeline.tiny.training import tokens
from tests.pipeline import small_networks

_RESNET = (
    ("norm1", "in_layers.0"), ("conv1", "in_layers.2"), ("norm2", "out_layers.0"), ("conv2", "out_layers.3"),
    ("time_emb_proj", "emb_layers.1"), ("conv_shortcut", "skip_connection"),
)  # fmt: skip
_UNET = (
    ("time_embedding.linear_1", "time_embed.0"), ("time_embedding.linear_2", "time_embed.2"),
    ("conv_in", "input_blocks.0.0"), ("conv_norm_out", "out.0"), ("conv_out", "out.2"),
)  # fmt: skip
_VAE = (
    ("conv_shortcut", "nin_shortcut"), ("conv_norm_out", "norm_out"), ("mid_block.attentions.0.", "mid.attn_1."),
    ("group_norm.", "norm."), ("to_q.", "q."), ("to_k.", "k."), ("to_v.", "v."), ("to_out.0.", "proj_out."),
)  # fmt: skip


def _unet_prefixes() -> list[tuple[str, str]]:
    pairs = [("mid_block.attentions.0.", "middle_block.1.")]
    pairs += [(f"mid_block.resnets.{j}.", f"middle_block.{2 * j}.") for j in range(2)]
    for i in range(4):
        for j in range(2):
            pairs.append((f"down_blocks.{i}.resnets.{j}.", f"input_blocks.{3 * i + j + 1}.0."))
            pairs.append((f"down_blocks.{i}.attentions.{j}.", f"input_blocks.{3 * i + j + 1}.1."))
        for j in range(3):
            pairs.append((f"up_blocks.{i}.resnets.{j}.", f"output_blocks.{3 * i + j}.0."))
            pairs.append((f"up_blocks.{i}.attentions.{j}.", f"output_blocks.{3 * i + j}.1."))
        pairs.append((f"down_blocks.{i}.downsamplers.0.conv.", f"input_blocks.{3 * (i + 1)}.0.op."))
        pairs.append((f"up_blocks.{i}.upsamplers.0.", f"output_blocks.{3 * i + 2}.{1 if i == 0 else 2}."))
    return pairs


def _vae_prefixes() -> list[tuple[str, str]]:
    pairs = [(f"mid_block.resnets.{j}.", f"mid.block_{j + 1}.") for j in range(2)]
    for i in range(4):
        pairs += [(f"encoder.down_blocks.{i}.resnets.{j}.", f"encoder.down.{i}.block.{j}.") for j in range(2)]
        pairs += [(f"decoder.up_blocks.{i}.resnets.{j}.", f"decoder.up.{3 - i}.block.{j}.") for j in range(3)]
        pairs.append((f"down_blocks.{i}.downsamplers.0.", f"down.{i}.downsample."))
        pairs.append((f"up_blocks.{i}.upsamplers.0.", f"up.{3 - i}.upsample."))
    return pairs


def _renamed(key: str, *tables: Any) -> str:
    for table in tables:
        for new, old in table:
            key = key.replace(new, old)
    return key


def networks() -> dict[str, Any]:
    """The networks of a small Stable Diffusion with the four levels of the published one."""
    unet = small_networks.seeded(
        lambda: diffusers.UNet2DConditionModel(
            sample_size=8, block_out_channels=(32, 32, 64, 64), layers_per_block=2, cross_attention_dim=768,
            attention_head_dim=8,
        )
    )  # fmt: skip
    vae = small_networks.seeded(
        lambda: diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(32, 32, 32, 32), layers_per_block=2, latent_channels=4, sample_size=64,
        )
    )  # fmt: skip
    return {"unet": unet, "vae": vae}


def write(folder: Path) -> diffusers.StableDiffusionPipeline:
    """`model.safetensors` and the configurations beside it; the same pipeline is returned."""
    tokenizer = tokens.tokenizer(folder.parent / "tokens")
    pipeline = diffusers.StableDiffusionPipeline(
        **networks(), text_encoder=small_networks.clip_text(tokenizer, width=768), tokenizer=tokenizer,
        scheduler=diffusers.PNDMScheduler(**small_networks.SD_SCHEDULER, skip_prk_steps=True), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    weights: dict[str, torch.Tensor] = {}
    for key, value in pipeline.unet.state_dict().items():
        name = _renamed(key, _unet_prefixes())
        name = _renamed(name, _RESNET) if "resnets" in key else _renamed(name, _UNET)
        weights[f"model.diffusion_model.{name}"] = value
    for key, value in pipeline.vae.state_dict().items():
        name = _renamed(key, _vae_prefixes(), _VAE)
        is_attention = "mid.attn_1" in name and name.endswith("weight") and "norm" not in name
        weights[f"first_stage_model.{name}"] = value[:, :, None, None] if is_attention else value
    for key, value in pipeline.text_encoder.state_dict().items():
        prefix = "" if key.startswith("text_model.") else "text_model."
        weights[f"cond_stage_model.transformer.{prefix}{key}"] = value
    for path in folder.glob("*/*.safetensors"):
        path.unlink()
    save_file({key: value.contiguous() for key, value in weights.items()}, folder / "model.safetensors")
    return pipeline
