"""Write a set of weights: diffusers folders, TorchScript, safetensors with the Real-ESRGAN keys, and a card."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, MotionAdapter, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

from pipeline.models.realesrgan import SRVGGNetCompact
from pipeline.tiny import clips, layout
from pipeline.tiny.training import networks
from pipeline.tiny.training.film import TinyFilm


def write_base(
    folder: Path,
    vae: AutoencoderKL,
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
) -> None:
    """A folder in the format of Stable Diffusion 1.5. The text encoder is float32, the dtype it is loaded with."""
    base = StableDiffusionPipeline(
        vae=vae.to(torch.float16),
        text_encoder=text_encoder.float(),
        tokenizer=tokenizer,
        unet=unet.to(torch.float16),
        scheduler=networks.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    base.save_pretrained(folder / layout.BASE, safe_serialization=True)


def write_adapter(folder: Path, adapter: MotionAdapter) -> None:
    adapter.to(torch.float16).save_pretrained(folder / layout.ADAPTER, safe_serialization=True)


def write_film(folder: Path, model: TinyFilm) -> None:
    """TorchScript, the format of the published FILM port."""
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(model.eval().cpu()).save(str(folder / layout.FILM))


def write_upscaler(folder: Path, model: SRVGGNetCompact, num_feat: int, num_conv: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    metadata = {"num_feat": str(num_feat), "num_conv": str(num_conv), "upscale": str(model.scale)}
    weights = {key: value.detach().half().contiguous() for key, value in model.state_dict().items()}
    save_file(weights, folder / layout.UPSCALERS[model.scale], metadata={"format": "pt", **metadata})


def write_card(folder: Path, trained: bool, figures: dict[str, Any]) -> None:
    card = {
        "name": "tiny" if trained else "tiny-random",
        "trained": trained,
        "licence": "Apache-2.0",
        "data": "clips drawn by pipeline.tiny.clips: one coloured shape that moves over a flat background",
        "width": clips.SIDE,
        "height": clips.SIDE,
        "frames": clips.FRAMES,
        "fps": clips.FPS,
        "figures": figures,
    }
    (folder / layout.CARD).write_text(json.dumps(card, indent=2) + "\n")


def make_readable(folder: Path) -> None:
    """safetensors creates files with mode 0600, but a container runs as another user."""
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
