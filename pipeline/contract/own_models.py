"""An operator's own models and LoRAs: a TOML file next to the models, read once at the start of a process.

[[model]]
name = "my-anime"
family = "animatediff"
title = "My anime checkpoint"
licence = "CreativeML Open RAIL-M"
base = "my-anime"                  # the folder bases/my-anime, or the name of a base in the catalog
adapter = "v1-5-3"

[[lora]]
name = "my-style"
title = "My style"
licence = "unknown"
fits = ["sd15"]
files = [{path = "lora.safetensors", sha256 = "…"}]
"""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.contract import catalog
from pipeline.contract.entries import UNVERSIONED, Conversion, Download, Lora, Model, Weights
from pipeline.contract.families import FAMILIES
from pipeline.contract.published.animatediff import ADAPTERS, BASES, DISTILLED_WITH, GENERATOR_FILES, TRAINED_WITH
from pipeline.contract.spec import Name, Scheduler

FILE_NAME: Final = "models.toml"


class OwnModelsInvalid(ValueError):
    """The file cannot be used; the message names the file and the entry."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _File(_Strict):
    path: str = Field(pattern=r"^\w[\w.-]*(/\w[\w.-]*)*$")
    url: str = ""
    repository: str = ""
    revision: str = ""
    file: str = ""
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    convert: Conversion = ""
    sharded: bool = False


class _Entry(_Strict):
    name: Name
    title: str
    licence: str
    commercial: bool = False
    files: tuple[_File, ...] = ()
    size_bytes: int = Field(1, ge=1)

    def downloads(self) -> tuple[Download, ...]:
        return tuple(Download(**file.model_dump()) for file in self.files)


class _Lora(_Entry):
    kind: Literal["motion", "style"] = "style"
    fits: tuple[str, ...] = Field(min_length=1)


class _Model(_Entry):
    """The other fields are those of `Model`; what is missing comes from the family."""

    family: Literal[tuple(FAMILIES)]  # type: ignore[valid-type]
    base: str = ""
    adapter: str = ""
    steps: tuple[int, ...] = ()
    num_inference_steps: int = 25
    guidance_scale: float = 7.5
    scheduler: Scheduler | None = None
    variant: str = ""
    base_area: int = Field(512 * 512, ge=64 * 64)
    sizes: tuple[tuple[int, int], ...] = ()
    native_fps: int = Field(8, ge=1)
    context_frames: int = Field(16, ge=1)
    max_frames: int = 0
    preview: Literal["vae", "rgb", "none"] = "rgb"
    accepts: tuple[str, ...] = ()
    prompt_tokens: int = 75
    interpolators: tuple[str, ...] = ("film", "film-tf")
    upscalers: dict[int, str] = Field(default_factory=lambda: {2: "realesrgan-x2plus", 4: "realesrgan-x4plus"})


class _Document(_Strict):
    model: tuple[_Model, ...] = ()
    lora: tuple[_Lora, ...] = ()


def load(path: Path | None) -> None:
    """Add the entries of the file to the catalog; nothing if there is no file. Raises OwnModelsInvalid."""
    if path is None or not path.exists():
        return
    try:
        document = _Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        models = {entry.name: _model(entry) for entry in document.model}
        loras = {entry.name: _lora(entry) for entry in document.lora}
        catalog.add(models, loras)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise OwnModelsInvalid(f"{path}: {place}: {first['msg']}") from error
    except (tomllib.TOMLDecodeError, ValueError, OSError) as error:
        raise OwnModelsInvalid(f"{path}: {error}") from error


def _values(entry: _Entry) -> dict[str, Any]:
    """The fields of the entry that its class of the catalog has, without those that are derived."""
    kind = Model if isinstance(entry, _Model) else Lora
    names = {field.name for field in fields(kind)} - {"files", "scheduler"}
    return {name: value for name, value in dict(entry).items() if name in names}


def _lora(entry: _Lora) -> Lora:
    return Lora(
        **_values(entry), folders=(f"loras/{entry.name}",), files=("lora.safetensors",), source="own",
        revision=UNVERSIONED, downloads=entry.downloads(),
    )  # fmt: skip


def _model(entry: _Model) -> Model:
    family = FAMILIES[entry.family]
    animated = entry.family.startswith("animatediff")
    values = _values(entry)
    if animated:
        distilled = entry.steps and entry.scheduler is Scheduler.EULER
        values |= {
            "files": _listed(entry) or GENERATOR_FILES,
            "parts": {"base": _base(entry.base), "motion-adapter": _adapter(entry.adapter)} if entry.base else {},
            "scheduler_config": DISTILLED_WITH if distilled else TRAINED_WITH,
        }
    else:
        values["files"] = _listed(entry) or ("model_index.json",)
    return Model(
        **values, folders=(entry.name,), source="own", revision=UNVERSIONED, downloads=entry.downloads(),
        scheduler=entry.scheduler or (Scheduler.DDIM if Scheduler.DDIM in family.schedulers else Scheduler.OWN),
        schedulers=(entry.scheduler,) if entry.steps and entry.scheduler else family.schedulers,
    )  # fmt: skip


def _listed(entry: _Entry) -> tuple[str, ...]:
    """The files of the entry after their conversion. Those that may be sharded have no certain name."""
    return tuple(download.stored_path for download in entry.downloads() if not download.sharded)


def _base(name: str) -> Weights:
    own = Weights(name, name, (f"bases/{name}",), ("model_index.json",), "own", "own", 1, commercial=False)
    return BASES.get(name, own)


def _adapter(name: str) -> Weights:
    if name not in ADAPTERS:
        raise ValueError(f"there is no motion adapter {name!r}; available: {', '.join(ADAPTERS)}")
    return ADAPTERS[name]
