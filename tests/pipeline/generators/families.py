"""Small models of every family in their published layouts, opened as the stage opens them."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_synth import TextToVideoSDPipeline
from PIL import Image

from pipeline.clip import Clip, Frames
from pipeline.contract.catalog import MODELS
from pipeline.contract.plan import Plan
from pipeline.generators import images
from pipeline.generators.base import DiffusersGenerator, Generator
from pipeline.generators.open import open_generator
from pipeline.models.hardware import Device
from tests.pipeline import small_networks

Plans = Callable[..., Plan]
Parts = Callable[[str], dict[str, Path]]
FOLDERS = {
    "animatediff-sdxl": "animatediff-sdxl", "modelscope": "modelscope", "zeroscope": "zeroscope", "svd": "svd",
    "wan-1.3b": "wan", "wan2.2-5b": "wan2.2", "ltx-video": "ltx", "cogvideox-2b": "cogvideox",
}  # fmt: skip
PLANS: dict[str, dict[str, Any]] = {
    "animatediff-sdxl": {"scheduler": "ddim"},
    "modelscope": {"scheduler": "dpm++"},
    "zeroscope": {"scheduler": "ddim"},
    "svd": {"scheduler": "own", "base_frames": 10, "drawn_frames": 14},
    "wan-1.3b": {"scheduler": "own", "base_frames": 8, "drawn_frames": 9, "negative_prompt": "blue"},
    "wan2.2-5b": {"scheduler": "own", "base_frames": 8, "drawn_frames": 9},
    "ltx-video": {"scheduler": "own", "base_frames": 9},
    "cogvideox-2b": {"scheduler": "own", "base_frames": 8, "drawn_frames": 9},
}


def picture() -> str:
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def open_small(name: str, parts: Parts, **changes: Any) -> DiffusersGenerator:
    """Without previews, which take time at first, unless `changes` ask for them."""
    model = replace(MODELS[name], memory=None, **{"preview": "none", **changes})
    generator = open_generator(model, parts(name), Device("cpu"), Path)
    assert isinstance(generator, DiffusersGenerator)
    return generator


def plan_for(plan: Plans, name: str, **changes: Any) -> Plan:
    values = {"model": name, "base_frames": 8, "num_inference_steps": 2, "guidance_scale": 3.0, **PLANS[name]}
    if MODELS[name].family == "stable-video-diffusion":
        values["image"] = picture()
    return plan(**{**values, **changes})


def draw(generator: Generator, requested: Plan) -> Clip:
    with torch.inference_mode():
        return generator.draw(requested, lambda *_: None, lambda: None)


def to_uint8(frames: torch.Tensor) -> Frames:
    pixels: Frames = frames[0].float().mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    return pixels


def common(requested: Plan) -> dict[str, Any]:
    return {
        "prompt": requested.prompt, "negative_prompt": requested.negative_prompt or None,
        "num_frames": requested.frames_to_draw, "width": requested.base_width, "height": requested.base_height,
        "num_inference_steps": requested.num_inference_steps, "guidance_scale": requested.guidance_scale,
        "generator": torch.Generator("cpu").manual_seed(requested.seed), "output_type": "pt",
    }  # fmt: skip


def plain_pipeline(name: str, folder: dict[str, Path], requested: Plan) -> tuple[Any, dict[str, Any]]:
    """The pipeline and the arguments of a plan, without any code of this project."""
    arguments = common(requested)
    local: dict[str, Any] = {"local_files_only": True, "use_safetensors": True}
    if name == "animatediff-sdxl":
        torch.manual_seed(0)
        adapter = small_networks.motion_adapter(mid_block=False)
        pipe = diffusers.AnimateDiffSDXLPipeline.from_pretrained(
            folder["base"], motion_adapter=adapter, variant="fp16", **local
        )
        unet = diffusers.UNet2DConditionModel.from_pretrained(folder["base"] / "unet", variant="fp16", **local)
        # The one difference on purpose: diffusers leaves this layer random.
        pipe.unet.add_embedding.load_state_dict(unet.add_embedding.state_dict())
        config = {key: value for key, value in pipe.scheduler.config.items() if key != "_use_default_values"}
        pipe.scheduler = diffusers.DDIMScheduler.from_config(
            {**config, "beta_schedule": "linear", "clip_sample": False, "timestep_spacing": "linspace"}
        )
    elif name in ("modelscope", "zeroscope"):
        pipe = TextToVideoSDPipeline.from_pretrained(folder["base"], **local)
        if requested.scheduler == "dpm++":
            pipe.scheduler = diffusers.DPMSolverMultistepScheduler.from_config(pipe.scheduler.config)
    elif name == "svd":
        pipe = diffusers.StableVideoDiffusionPipeline.from_pretrained(folder["base"], variant="fp16", **local)
        arguments["max_guidance_scale"] = arguments.pop("guidance_scale")
        for unused in ("prompt", "negative_prompt"):
            del arguments[unused]
        arguments["image"] = images.decode(requested.image, requested.base_width, requested.base_height)
        arguments["fps"] = 7
    else:
        pipe = getattr(
            diffusers,
            {
                "wan-1.3b": "WanPipeline",
                "wan2.2-5b": "WanPipeline",
                "ltx-video": "LTXPipeline",
                "cogvideox-2b": "CogVideoXPipeline",
            }[name],
        ).from_pretrained(folder["base"], **local)
        if name == "wan-1.3b":
            pipe.scheduler = diffusers.UniPCMultistepScheduler.from_config(pipe.scheduler.config, flow_shift=3.0)
        if name == "ltx-video":
            arguments["frame_rate"] = 24
    pipe.set_progress_bar_config(disable=True)
    return pipe, arguments
