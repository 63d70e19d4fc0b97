"""Every model by name: what it is, where it comes from, its licence and what it needs. Data only: no torch here.

Files lie in `<models_dir>/<folder>/`, whatever the source. A generator's folder holds `base/` (a diffusers pipeline)
and `motion-adapter/`. The small models ship with the project; `<models_dir>/tiny` goes before the shipped files, and a
set with random weights (`tiny-random`) is taken only when there is nothing else.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pipeline.errors import Refused
from pipeline.spec import Scheduler, Spec
from pipeline.tiny.layout import SHIPPED

UNPINNED: Final = "main"


@dataclass(frozen=True, slots=True)
class Weights:
    """What any set of files has: where it lies (the first folder that exists), where it comes from, its licence."""

    name: str
    title: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    source: str
    licence: str
    size_bytes: int
    revision: str = UNPINNED

    def folder(self, models_dir: Path) -> Path | None:
        """The first folder that holds all the files, or None."""
        places = (SHIPPED if folder == "shipped" else models_dir / folder for folder in self.folders)
        return next((place for place in places if all((place / file).exists() for file in self.files)), None)

    def path(self, models_dir: Path) -> Path:
        """The first file; FileNotFoundError says what to do when it is not there."""
        folder = self.folder(models_dir)
        if folder is None:
            raise FileNotFoundError(self.missing(models_dir))
        return folder / self.files[0]

    def missing(self, models_dir: Path) -> str:
        files = " and ".join(self.files)
        return f"the files of {self.name} are missing: {models_dir / self.folders[0]} must hold {files} ({self.source})"

    def card(self, models_dir: Path) -> dict[str, Any]:
        """What the set of files says of itself (`card.json`); empty when it says nothing."""
        folder = self.folder(models_dir)
        if folder is None or not (folder / "card.json").exists():
            return {}
        return dict(json.loads((folder / "card.json").read_text(encoding="utf-8")))

    def trained(self, models_dir: Path) -> bool:
        return bool(self.card(models_dir).get("trained", True))

    def exact_revision(self, models_dir: Path) -> str:
        """The pinned revision; for sets with a card, what the card says or else a hash of the card."""
        card = self.card(models_dir)
        if not card:
            return self.revision
        return str(card.get("revision") or hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:12])


@dataclass(frozen=True, slots=True)
class Model(Weights):
    """A generator: text to a short clip.

    `base_area` is in square pixels; `sizes` (width, height) are those it draws best, if any are; `vram_bytes` is what
    it needs when nothing is offloaded.
    """

    kind: str = "generator"
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
    preview: str = "rgb"
    vocabulary: bool = False
    knows: str = "anything that can be said in a sentence"
    interpolators: tuple[str, ...] = ("film", "film-tf")
    upscalers: Mapping[int, str] = field(default_factory=lambda: {2: "realesrgan-x2plus", 4: "realesrgan-x4plus"})


@dataclass(frozen=True, slots=True)
class Interpolator(Weights):
    """`kind` is `torchscript` (any time between two frames) or `saved-model` (the middle only).

    The network takes sides that are multiples of `align`.
    """

    kind: str = "torchscript"
    align: int = 64


@dataclass(frozen=True, slots=True)
class Upscaler(Weights):
    kind: str = "realesrgan"
    scale: int = 4


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
    source="shipped with the project; `python -m pipeline.tiny.random_weights` makes a set with random weights",
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


def _real_esrgan(name: str, scale: int, release: str, file: str, size_bytes: int) -> Upscaler:
    return Upscaler(
        name=name, title=f"Real-ESRGAN {file.removesuffix('.pth')}", folders=("realesrgan",), files=(file,),
        source=f"{REAL_ESRGAN}/{release}/{file}", licence="BSD-3-Clause", size_bytes=size_bytes, revision=release,
        scale=scale,
    )  # fmt: skip


_INTERPOLATORS: Final = (
    Interpolator(**_tiny("tiny-film", "Tiny interpolator", "film.pt"), align=8),
    Interpolator(
        name="film",
        title="FILM as TorchScript",
        folders=("film",),
        files=("film_net_fp32.pt",),
        source="https://github.com/dajes/frame-interpolation-pytorch/releases",
        licence="Apache-2.0",
        size_bytes=70_000_000,
    ),
    Interpolator(
        name="film-tf",
        title="FILM, the published TensorFlow SavedModel",
        folders=("film-tf",),
        files=("film_net/Style/saved_model",),
        source="google-research/frame-interpolation",
        licence="Apache-2.0",
        size_bytes=140_000_000,
        kind="saved-model",
    ),
)
_UPSCALERS: Final = (
    Upscaler(**_tiny("tiny-realesr-x2", "Tiny upscaler x2", "realesr-x2.safetensors"), scale=2),
    Upscaler(**_tiny("tiny-realesr-x4", "Tiny upscaler x4", "realesr-x4.safetensors"), scale=4),
    _real_esrgan("realesrgan-x2plus", 2, "v0.2.1", "RealESRGAN_x2plus.pth", 67_061_725),
    _real_esrgan("realesrgan-x4plus", 4, "v0.1.0", "RealESRGAN_x4plus.pth", 67_040_989),
    _real_esrgan("realesr-general-x4v3", 4, "v0.2.5.0", "realesr-general-x4v3.pth", 4_885_111),
    _real_esrgan("realesr-animevideov3", 4, "v0.2.5.0", "realesr-animevideov3.pth", 2_504_012),
)

INTERPOLATORS: Final[Mapping[str, Interpolator]] = {weights.name: weights for weights in _INTERPOLATORS}
UPSCALERS: Final[Mapping[str, Upscaler]] = {weights.name: weights for weights in _UPSCALERS}


def choose(spec: Spec) -> tuple[Model, Scheduler]:
    """The model and the scheduler of a request; Refused when there is no such model, or it cannot be sampled so."""
    if (model := MODELS.get(spec.model)) is None:
        raise Refused(f"there is no model {spec.model!r}; there are: {', '.join(MODELS)}", "/model")
    chosen = spec.scheduler or model.scheduler
    if chosen not in model.schedulers:
        known = ", ".join(scheduler.value for scheduler in model.schedulers)
        raise Refused(f"{model.name} cannot be sampled with {chosen.value}, only with: {known}", "/scheduler")
    return model, chosen


def interpolator(model: Model, models_dir: Path) -> Interpolator:
    """The first of the model's interpolators whose files are there; the first of all when none is."""
    entries = [INTERPOLATORS[name] for name in model.interpolators]
    return next((entry for entry in entries if entry.folder(models_dir)), entries[0])
