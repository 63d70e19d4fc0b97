"""Small models with random weights in the published layouts: files, names, variants and shards as upstream."""

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_synth import TextToVideoSDPipeline
from safetensors.torch import load_file, save_file

from pipeline.tiny.training import tokens
from tests.pipeline.small_networks import (
    DEPTH,
    SD_SCHEDULER,
    TEXT_WIDTH,
    clip_text,
    frame_vae,
    motion_adapter,
    sd_unet,
    seeded,
    t5_encoder,
    t5_tokenizer,
)


def stable_diffusion(folder: Path) -> None:
    """Stable Diffusion 1.5: with the entries for a safety checker, whose files are not downloaded."""
    tokenizer = tokens.tokenizer(folder.parent / "tokens")
    diffusers.StableDiffusionPipeline(
        vae=frame_vae(), text_encoder=clip_text(tokenizer), tokenizer=tokenizer, unet=sd_unet(),
        scheduler=diffusers.PNDMScheduler(**SD_SCHEDULER, skip_prk_steps=True, set_alpha_to_one=False),
        safety_checker=None, feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    index = json.loads((folder / "model_index.json").read_text())
    index["feature_extractor"] = ["transformers", "CLIPImageProcessor"]
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (folder / "model_index.json").write_text(json.dumps(index))
    scheduler = json.loads((folder / "scheduler" / "scheduler_config.json").read_text())
    # The published file lacks this key; diffusers then treats a value for it as a default.
    del scheduler["timestep_spacing"]
    scheduler["clip_sample"] = False
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(scheduler))


def published_adapter(folder: Path) -> None:
    motion_adapter().save_pretrained(folder)


def authors_key(key: str) -> str:
    """A key of MotionAdapter as the AnimateDiff authors wrote it."""
    number = key.split("motion_modules.")[1].split(".")[0]
    name = key.replace(".transformer_blocks", ".temporal_transformer.transformer_blocks")
    for part in ("norm.", "proj_in.", "proj_out."):
        name = name.replace(f"motion_modules.{number}.{part}", f"motion_modules.{number}.temporal_transformer.{part}")
    name = name.replace(".pos_embed.pe", ".attention_blocks.0.pos_encoder.pe")
    name = name.replace(".norm1", ".norms.0").replace(".norm2", ".norms.1").replace(".norm3", ".ff_norm")
    name = name.replace(".attn1", ".attention_blocks.0").replace(".attn2", ".attention_blocks.1")
    return f"module.{name}"


def authors_motion_module(path: Path, mid_block: bool = False, channels: tuple[int, ...] = DEPTH) -> None:
    """A motion module with the keys of the AnimateDiff authors, as a pickled checkpoint."""
    weights = {authors_key(key): value for key, value in motion_adapter(channels, mid_block).state_dict().items()}
    torch.save({"epoch": 1, "state_dict": weights}, path)


def animatediff_xl(folder: Path) -> None:
    tokenizer = tokens.tokenizer(folder.parent / "tokens")
    unet = sd_unet(
        cross_attention_dim=2 * TEXT_WIDTH, attention_head_dim=(2, 4), use_linear_projection=True,
        addition_embed_type="text_time", addition_time_embed_dim=8, transformer_layers_per_block=(1, 1),
        projection_class_embeddings_input_dim=TEXT_WIDTH + 6 * 8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    diffusers.StableDiffusionXLPipeline(
        vae=frame_vae(), text_encoder=clip_text(tokenizer), text_encoder_2=clip_text(tokenizer, projected=True),
        tokenizer=tokenizer, tokenizer_2=tokenizer, unet=unet,
        scheduler=diffusers.EulerDiscreteScheduler(**SD_SCHEDULER),
    ).save_pretrained(folder, variant="fp16")  # fmt: skip


def text_to_video_sd(folder: Path, pickled: bool) -> None:
    """ModelScope's layout; Zeroscope publishes pickled weights only."""
    tokenizer = tokens.tokenizer(folder.parent / "tokens")
    unet = seeded(
        lambda: diffusers.UNet3DConditionModel(
            sample_size=8, block_out_channels=DEPTH, layers_per_block=1, cross_attention_dim=TEXT_WIDTH,
            attention_head_dim=8, norm_num_groups=8, down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        )
    )  # fmt: skip
    TextToVideoSDPipeline(
        vae=frame_vae(), text_encoder=clip_text(tokenizer), tokenizer=tokenizer, unet=unet,
        scheduler=diffusers.DDIMScheduler(**SD_SCHEDULER, clip_sample=False, set_alpha_to_one=False),
    ).save_pretrained(folder)  # fmt: skip
    if not pickled:
        return
    for path in list(folder.glob("*/*.safetensors")):
        name = "pytorch_model.bin" if path.name == "model.safetensors" else "diffusion_pytorch_model.bin"
        torch.save(load_file(path), path.with_name(name))
        path.unlink()


def stable_video(folder: Path) -> None:
    vision = transformers.CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4, image_size=224, patch_size=56,
        projection_dim=TEXT_WIDTH,
    )  # fmt: skip
    diffusers.StableVideoDiffusionPipeline(
        vae=seeded(
            lambda: diffusers.AutoencoderKLTemporalDecoder(
                down_block_types=("DownEncoderBlock2D",) * 4, block_out_channels=(32, 32, 32, 32), layers_per_block=1,
                latent_channels=4, sample_size=64,
            )
        ),
        image_encoder=seeded(lambda: transformers.CLIPVisionModelWithProjection(vision)),
        unet=seeded(
            lambda: diffusers.UNetSpatioTemporalConditionModel(
                sample_size=8, block_out_channels=DEPTH, layers_per_block=1, cross_attention_dim=TEXT_WIDTH,
                addition_time_embed_dim=8, projection_class_embeddings_input_dim=24, num_attention_heads=(2, 4),
                down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
                up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"), num_frames=14,
            )
        ),
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
            use_karras_sigmas=True, timestep_type="continuous", sigma_min=0.002, sigma_max=700.0,
        ),
        feature_extractor=transformers.CLIPImageProcessor(
            crop_size={"height": 224, "width": 224}, size={"shortest_edge": 224}
        ),
    ).save_pretrained(folder, variant="fp16")  # fmt: skip


def _save_with_shards(pipeline: Any, folder: Path, tokenizer: Path, fast: bool) -> None:
    """Text encoder and transformer in shards. The tokenizer's files are the published ones, not the saved ones."""
    pipeline.save_pretrained(folder, max_shard_size="40KB")
    for path in (folder / "tokenizer").iterdir():
        if not fast:
            path.unlink()
    for path in tokenizer.iterdir():
        if path.name in ("spiece.model", "tokenizer_config.json", "special_tokens_map.json"):
            shutil.copy(path, folder / "tokenizer" / path.name)


def wan(folder: Path) -> None:
    tokenizer = t5_tokenizer(folder.parent / "t5")
    pipeline = diffusers.WanPipeline(
        tokenizer=tokenizer,
        text_encoder=t5_encoder("umt5", len(tokenizer)),
        transformer=seeded(
            lambda: diffusers.WanTransformer3DModel(
                num_attention_heads=2, attention_head_dim=12, in_channels=16, out_channels=16, text_dim=TEXT_WIDTH,
                freq_dim=16, ffn_dim=32, num_layers=2,
            )
        ),
        vae=seeded(lambda: diffusers.AutoencoderKLWan(base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1)),
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=8.0
        ),
    )  # fmt: skip
    _save_with_shards(pipeline, folder, folder.parent / "t5", fast=True)


def wan22(folder: Path) -> None:
    """Wan 2.2 TI2V: a VAE on patches of pixels, and a time step for each token."""
    tokenizer = t5_tokenizer(folder.parent / "t5")
    pipeline = diffusers.WanPipeline(
        tokenizer=tokenizer,
        text_encoder=t5_encoder("umt5", len(tokenizer)),
        transformer=seeded(
            lambda: diffusers.WanTransformer3DModel(
                num_attention_heads=2, attention_head_dim=12, in_channels=8, out_channels=8, text_dim=TEXT_WIDTH,
                freq_dim=16, ffn_dim=32, num_layers=2,
            )
        ),
        vae=seeded(
            lambda: diffusers.AutoencoderKLWan(
                base_dim=4, decoder_base_dim=4, z_dim=8, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
                temperal_downsample=[False, True, True], latents_mean=[0.1] * 8, latents_std=[1.5] * 8,
                is_residual=True, in_channels=12, out_channels=12, patch_size=2, scale_factor_spatial=16,
            )
        ),
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=5.0
        ),
        expand_timesteps=True,
    )  # fmt: skip
    _save_with_shards(pipeline, folder, folder.parent / "t5", fast=True)


def ltx(folder: Path) -> None:
    tokenizer = t5_tokenizer(folder.parent / "t5")
    pipeline = diffusers.LTXPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(
            use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, base_image_seq_len=1024,
            max_image_seq_len=4096, shift_terminal=0.1,
        ),
        vae=seeded(
            lambda: diffusers.AutoencoderKLLTXVideo(
                latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8),
                layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1, 1),
            )
        ),
        text_encoder=t5_encoder("t5", len(tokenizer)),
        tokenizer=tokenizer,
        transformer=seeded(
            lambda: diffusers.LTXVideoTransformer3DModel(
                in_channels=8, out_channels=8, num_attention_heads=4, attention_head_dim=8, cross_attention_dim=32,
                num_layers=2, caption_channels=TEXT_WIDTH,
            )
        ),
    )  # fmt: skip
    _save_with_shards(pipeline, folder, folder.parent / "t5", fast=False)


def cogvideox(folder: Path) -> None:
    tokenizer = t5_tokenizer(folder.parent / "t5")
    pipeline = diffusers.CogVideoXPipeline(
        tokenizer=tokenizer,
        text_encoder=t5_encoder("t5", len(tokenizer)),
        vae=seeded(
            lambda: diffusers.AutoencoderKLCogVideoX(
                block_out_channels=(8, 8, 8, 8), latent_channels=4, layers_per_block=1, norm_num_groups=2,
                sample_height=64, sample_width=64,
            )
        ),
        transformer=seeded(
            lambda: diffusers.CogVideoXTransformer3DModel(
                num_attention_heads=4, attention_head_dim=8, in_channels=4, out_channels=4, time_embed_dim=8,
                text_embed_dim=TEXT_WIDTH, num_layers=2, sample_width=8, sample_height=8, sample_frames=49,
            )
        ),
        scheduler=diffusers.CogVideoXDDIMScheduler(
            beta_schedule="scaled_linear", snr_shift_scale=3.0, rescale_betas_zero_snr=True,
            timestep_spacing="trailing",
            prediction_type="v_prediction",
        ),
    )  # fmt: skip
    _save_with_shards(pipeline, folder, folder.parent / "t5", fast=False)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "animatediff-sdxl": animatediff_xl,
    "modelscope": lambda folder: text_to_video_sd(folder, pickled=False),
    "zeroscope": lambda folder: text_to_video_sd(folder, pickled=True),
    "svd": stable_video,
    "wan": wan,
    "wan2.2": wan22,
    "ltx": ltx,
    "cogvideox": cogvideox,
}


def build(name: str, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        BUILDERS[name](folder)
    return folder


def save_lora(unet: Any, path: Path, *, motion_only: bool = False, scale: float = 0.5) -> None:
    """A LoRA for the attention layers of a UNet, with the keys of diffusers."""
    generator = torch.Generator().manual_seed(1)
    weights = {}
    for name, module in unet.named_modules():
        is_motion = "motion_modules" in name
        if isinstance(module, torch.nn.Linear) and name.endswith(("to_q", "to_v")) and (is_motion or not motion_only):
            weights[f"unet.{name}.lora_A.weight"] = torch.randn(4, module.in_features, generator=generator) * scale
            weights[f"unet.{name}.lora_B.weight"] = torch.randn(module.out_features, 4, generator=generator) * scale
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
