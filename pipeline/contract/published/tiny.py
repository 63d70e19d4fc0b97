"""The small models that ship with the project."""

from typing import Any, Final

from pipeline.contract.entries import InterpolatorModel, Model, UpscalerModel
from pipeline.contract.published.animatediff import GENERATOR_FILES

# "shipped" is the folder inside the package. Own weights precede it, random weights are the last resort.
TINY_FOLDERS: Final = ("tiny", "shipped", "tiny-random")

TINY: Final = Model(
    name="tiny",
    title="Tiny shapes",
    folders=TINY_FOLDERS,
    files=GENERATOR_FILES,
    source="shipped with the project; `python -m pipeline.tiny.training.random_weights` writes random weights",
    licence="Apache-2.0",
    size_bytes=15_000_000,
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
    accepts=("tiny",),
)


def _tiny(name: str, title: str, file: str) -> dict[str, Any]:
    return {
        "name": name, "title": title, "folders": TINY_FOLDERS, "files": (file,),
        "source": TINY.source, "licence": TINY.licence, "size_bytes": 1_000_000,
    }  # fmt: skip


TINY_FILM: Final = InterpolatorModel(**_tiny("tiny-film", "Tiny interpolator", "film.pt"), align=8)
TINY_UPSCALERS: Final = (
    UpscalerModel(**_tiny("tiny-realesr-x2", "Tiny upscaler x2", "realesr-x2.safetensors"), scale=2),
    UpscalerModel(**_tiny("tiny-realesr-x4", "Tiny upscaler x4", "realesr-x4.safetensors"), scale=4),
)
