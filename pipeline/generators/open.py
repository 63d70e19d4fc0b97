"""Loading the generator of a model."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from safetensors import SafetensorError

from pipeline.contract.catalog import Model
from pipeline.contract.errors import StageFailed
from pipeline.generators.animatediff import AnimateDiff, AnimateDiffXL
from pipeline.generators.base import DiffusersGenerator, Generator
from pipeline.generators.stable_video import StableVideoDiffusion
from pipeline.generators.text_to_video_sd import TextToVideoSD
from pipeline.generators.transformers import CogVideoX, LTXVideo, Wan
from pipeline.models.hardware import Device

CLASSES: Final[Mapping[str, type[DiffusersGenerator]]] = {
    "animatediff": AnimateDiff,
    "animatediff-sdxl": AnimateDiffXL,
    "text-to-video-sd": TextToVideoSD,
    "stable-video-diffusion": StableVideoDiffusion,
    "wan": Wan,
    "ltx": LTXVideo,
    "cogvideox": CogVideoX,
}


def open_generator(
    model: Model, parts: Mapping[str, Path], hardware: Device, find_lora: Callable[[str], Path]
) -> Generator:
    """Load a model. Raises StageFailed with one line if its files are damaged or do not fit its family."""
    try:
        return CLASSES[model.family](model, parts, hardware, find_lora)
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        message = f"the files of {model.name} cannot be loaded; check them with `aura models verify {model.name}`"
        raise StageFailed("generate", f"{message} ({type(error).__name__}: {reason})") from error
