"""The catalog of models: names, sources, licences and parameters. Data only, without file system access.

The files of a model lie in `<models_dir>/<folder>/`; `pipeline.models.weights` finds them. The folder of a generator
holds `base/` (a diffusers pipeline) and `motion-adapter/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pipeline.contract.errors import Refused
from pipeline.contract.spec import Scheduler, Spec

UNPINNED: Final = "main"


@dataclass(frozen=True, slots=True)
class Weights:
    """A set of files. `folders` are searched in order; the first one that holds all `files` is used."""

    name: str
    title: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    source: str
    licence: str
    size_bytes: int
    revision: str = UNPINNED


@dataclass(frozen=True, slots=True)
class Model(Weights):
    """A generator: text to a short clip.

    `base_area` is in square pixels. `sizes` (width, height) are the sizes of the training data, if limited.
    `vram_bytes` is the GPU memory needed without offloading.
    """

    adapter_source: str = ""
    adapter_revision: str = UNPINNED
    vram_bytes: int = 0
    base_area: int = 512 * 512
    sizes: tuple[tuple[int, int], ...] = ()
    native_fps: int = 8
    context_frames: int = 16
    prompt_tokens: int = 75
    num_inference_steps: int = 25
    guidance_scale: float = 7.5
    scheduler: Scheduler = Scheduler.DDIM
    schedulers: tuple[Scheduler, ...] = tuple(Scheduler)
    scheduler_config: Mapping[str, Any] = field(default_factory=dict)
    # How previews are decoded from latents: by the VAE, or by a linear approximation of it.
    preview: Literal["vae", "rgb"] = "rgb"
    # Whether the model knows only the words of `pipeline.contract.vocabulary`.
    vocabulary: bool = False
    knows: str = "anything that can be described in a sentence"
    # In order of preference.
    interpolators: tuple[str, ...] = ("film", "film-tf")
    upscalers: Mapping[int, str] = field(default_factory=lambda: {2: "realesrgan-x2plus", 4: "realesrgan-x4plus"})


@dataclass(frozen=True, slots=True)
class InterpolatorModel(Weights):
    """A frame interpolator for frames whose sides are multiples of `align`.

    A `torchscript` file draws a frame at any time between two frames, a `saved-model` only the middle one.
    """

    file_format: Literal["torchscript", "saved-model"] = "torchscript"
    align: int = 64


@dataclass(frozen=True, slots=True)
class UpscalerModel(Weights):
    scale: int = 4


# "shipped" is the folder inside the package. Own weights precede it, random weights are the last resort.
TINY_FOLDERS: Final = ("tiny", "shipped", "tiny-random")
GENERATOR_FILES: Final = (
    "base/model_index.json", "motion-adapter/config.json", "motion-adapter/diffusion_pytorch_model.safetensors",
)  # fmt: skip
REAL_ESRGAN: Final = "https://github.com/xinntao/Real-ESRGAN/releases/download"

TINY: Final = Model(
    name="tiny",
    title="Tiny shapes",
    folders=TINY_FOLDERS,
    files=GENERATOR_FILES,
    source="shipped with the project; `python -m pipeline.tiny.training.random_weights` writes random weights",
    licence="Apache-2.0",
    size_bytes=15_000_000,
    revision="unversioned",
    base_area=64 * 64,
    sizes=((64, 64), (80, 48), (48, 80)),
    prompt_tokens=22,
    num_inference_steps=20,
    guidance_scale=3.0,
    preview="vae",
    vocabulary=True,
    knows="one coloured shape that moves on a plain background",
    interpolators=("tiny-film",),
    upscalers={2: "tiny-realesr-x2", 4: "tiny-realesr-x4"},
)

ANIMATEDIFF: Final = Model(
    name="animatediff",
    title="AnimateDiff v1.5-3 on Stable Diffusion 1.5",
    folders=("animatediff",),
    files=GENERATOR_FILES,
    source="stable-diffusion-v1-5/stable-diffusion-v1-5",
    licence="CreativeML Open RAIL-M (base), Apache-2.0 (motion adapter)",
    size_bytes=5_200_000_000,
    adapter_source="guoyww/animatediff-motion-adapter-v1-5-3",
    vram_bytes=11_000_000_000,
    scheduler_config={
        "beta_schedule": "linear",
        "clip_sample": False,
        "timestep_spacing": "linspace",
        "steps_offset": 1,
    },
)

MODELS: Final[Mapping[str, Model]] = {model.name: model for model in (TINY, ANIMATEDIFF)}


def _tiny(name: str, title: str, file: str) -> dict[str, Any]:
    return {
        "name": name, "title": title, "folders": TINY_FOLDERS, "files": (file,),
        "source": TINY.source, "licence": TINY.licence, "size_bytes": 1_000_000,
    }  # fmt: skip


def _real_esrgan(name: str, scale: int, release: str, file: str, size_bytes: int) -> UpscalerModel:
    return UpscalerModel(
        name=name, title=f"Real-ESRGAN {file.removesuffix('.pth')}", folders=("realesrgan",), files=(file,),
        source=f"{REAL_ESRGAN}/{release}/{file}", licence="BSD-3-Clause", size_bytes=size_bytes, revision=release,
        scale=scale,
    )  # fmt: skip


_INTERPOLATORS: Final = (
    InterpolatorModel(**_tiny("tiny-film", "Tiny interpolator", "film.pt"), align=8),
    InterpolatorModel(
        name="film",
        title="FILM as TorchScript",
        folders=("film",),
        files=("film_net_fp32.pt",),
        source="https://github.com/dajes/frame-interpolation-pytorch/releases",
        licence="Apache-2.0",
        size_bytes=70_000_000,
    ),
    InterpolatorModel(
        name="film-tf",
        title="FILM, the published TensorFlow SavedModel",
        folders=("film-tf",),
        files=("film_net/Style/saved_model",),
        source="google-research/frame-interpolation",
        licence="Apache-2.0",
        size_bytes=140_000_000,
        file_format="saved-model",
    ),
)
_UPSCALERS: Final = (
    UpscalerModel(**_tiny("tiny-realesr-x2", "Tiny upscaler x2", "realesr-x2.safetensors"), scale=2),
    UpscalerModel(**_tiny("tiny-realesr-x4", "Tiny upscaler x4", "realesr-x4.safetensors"), scale=4),
    _real_esrgan("realesrgan-x2plus", 2, "v0.2.1", "RealESRGAN_x2plus.pth", 67_061_725),
    _real_esrgan("realesrgan-x4plus", 4, "v0.1.0", "RealESRGAN_x4plus.pth", 67_040_989),
    _real_esrgan("realesr-general-x4v3", 4, "v0.2.5.0", "realesr-general-x4v3.pth", 4_885_111),
    _real_esrgan("realesr-animevideov3", 4, "v0.2.5.0", "realesr-animevideov3.pth", 2_504_012),
)

INTERPOLATORS: Final[Mapping[str, InterpolatorModel]] = {weights.name: weights for weights in _INTERPOLATORS}
UPSCALERS: Final[Mapping[str, UpscalerModel]] = {weights.name: weights for weights in _UPSCALERS}


def choose_model(spec: Spec) -> tuple[Model, Scheduler]:
    """The model and the scheduler of a request. Refused if the model does not exist or lacks the scheduler."""
    if (model := MODELS.get(spec.model)) is None:
        raise Refused(f"there is no model {spec.model!r}; available: {', '.join(MODELS)}", "/model")
    chosen = spec.scheduler or model.scheduler
    if chosen not in model.schedulers:
        available = ", ".join(scheduler.value for scheduler in model.schedulers)
        raise Refused(
            f"{model.name} does not support the scheduler {chosen.value}; available: {available}", "/scheduler"
        )
    return model, chosen
