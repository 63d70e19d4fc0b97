"""What the catalog records about a set of files: where they come from, how they are checked, and what they can do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pipeline.contract.spec import Scheduler

HUB: Final = "https://huggingface.co"
UNVERSIONED: Final = "unversioned"

# How a downloaded file is converted once, so that only safetensors are loaded afterwards:
#   tensors        a pickled state dict; the keys stay
#   motion-module  the layout of the AnimateDiff authors to the keys of diffusers' MotionAdapter
#   motion-lora    the layout of the AnimateDiff authors to the keys of diffusers' LoRA loader
Conversion = Literal["", "tensors", "motion-module", "motion-lora"]


@dataclass(frozen=True, slots=True)
class Download:
    """One file. `path` is its place below the folder of the weights.

    Either `url`, or `repository`, `revision` (a commit) and `file` on the hub. Without `sha256`, the hash that the hub
    states for the file at this commit is checked and recorded. `sharded` is for weights that the repository holds
    either in one file or in shards with an index beside them.
    """

    path: str
    url: str = ""
    repository: str = ""
    revision: str = ""
    file: str = ""
    sha256: str = ""
    convert: Conversion = ""
    sharded: bool = False

    def address(self, hub: str = HUB) -> str:
        return self.url or f"{hub}/{self.repository}/resolve/{self.revision}/{self.file}"

    @property
    def stored_path(self) -> str:
        """The path after the conversion, as diffusers and transformers expect it."""
        if not self.convert:
            return self.path
        folder, _, name = self.path.rpartition("/")
        stem = name.rpartition(".")[0]
        stored = "model" if stem == "pytorch_model" else stem
        return f"{folder}/{stored}.safetensors" if folder else f"{stored}.safetensors"


@dataclass(frozen=True, slots=True)
class Weights:
    """A set of files. `folders` are searched in order; the first one that holds all `files` is used.

    `commercial` is whether the licence permits commercial use. `gated` files require an account on the hub that has
    accepted the licence.
    """

    name: str
    title: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    source: str
    licence: str
    size_bytes: int
    revision: str = UNVERSIONED
    commercial: bool = True
    gated: bool = False
    downloads: tuple[Download, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """GPU memory of a model in bytes, in half precision.

    `weights` are all parts, `largest` is the largest part and `denoiser` the one that works in every step. Denoising
    needs `fixed` and, for each frame of `base_area`, `frame` on top; decoding needs `decoded` for each frame at once.
    """

    weights: int
    largest: int
    denoiser: int
    fixed: int
    frame: int
    decoded: int


@dataclass(frozen=True, slots=True)
class Model(Weights):
    """A generator: text or an image to a short clip.

    `parts` are shared weights by role; they are used if the model's own folder does not exist. `base_area` is in square
    pixels. `sizes` (width, height) are preferred, or with `only_sizes` the only ones. `steps` are the numbers of steps
    that the weights were distilled for; empty: any number. `loras` are always applied, with their weights.
    """

    family: str = "animatediff"
    parts: Mapping[str, Weights] = field(default_factory=dict)
    variant: str = ""
    memory: Memory | None = None
    base_area: int = 512 * 512
    sizes: tuple[tuple[int, int], ...] = ()
    only_sizes: bool = False
    # 0: the family's.
    size_multiple: int = 0
    native_fps: int = 8
    # Frames that are drawn at once. More need FreeNoise, where the family supports it.
    context_frames: int = 16
    # The largest number of frames; 0: unlimited.
    max_frames: int = 0
    prompt_tokens: int = 75
    num_inference_steps: int = 25
    steps: tuple[int, ...] = ()
    guidance_scale: float = 7.5
    scheduler: Scheduler = Scheduler.DDIM
    schedulers: tuple[Scheduler, ...] = tuple(Scheduler)
    scheduler_config: Mapping[str, Any] = field(default_factory=dict)
    loras: tuple[tuple[str, float], ...] = ()
    # Kinds of LoRAs that fit the weights, see `Lora.fits`.
    accepts: tuple[str, ...] = ()
    # How previews are decoded from latents: by the VAE, by a linear approximation of it, or not at all.
    preview: Literal["vae", "rgb", "none"] = "rgb"
    # Whether the model was trained on the words of `pipeline.contract.vocabulary` only.
    vocabulary: bool = False
    knows: str = "anything that can be described in a sentence"
    # In order of preference.
    interpolators: tuple[str, ...] = ("film", "film-tf")
    upscalers: Mapping[int, str] = field(default_factory=lambda: {2: "realesrgan-x2plus", 4: "realesrgan-x4plus"})


@dataclass(frozen=True, slots=True)
class InterpolatorModel(Weights):
    """A frame interpolator for frames whose sides are multiples of `align`.

    A `torchscript` file draws a frame at any time between two frames, a `saved-model` only the middle one. `half` is
    the file for half precision, if there is one.
    """

    file_format: Literal["torchscript", "saved-model"] = "torchscript"
    align: int = 64
    half: str = ""


@dataclass(frozen=True, slots=True)
class UpscalerModel(Weights):
    """`softer` is a second file with weights of the same shapes: a request can choose a blend of both."""

    scale: int = 4
    softer: str = ""


@dataclass(frozen=True, slots=True)
class Lora(Weights):
    """Low-rank weights that are added to a model. They fit the models whose `accepts` contains one of `fits`."""

    kind: Literal["motion", "style"] = "style"
    fits: tuple[str, ...] = ()
