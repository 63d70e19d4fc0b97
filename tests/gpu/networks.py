"""The full-size networks with random weights, and small ones: as diffusers pipelines, and as files for the stages."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import diffusers
import torch

from pipeline.contract.catalog import INTERPOLATORS, MODELS, UPSCALERS
from pipeline.contract.entries import Model
from pipeline.contract.hardware import Hardware
from pipeline.generators import architectures
from pipeline.generators.animatediff import AnimateDiff
from pipeline.models.hardware import Device
from pipeline.models.realesrgan import RRDBNet, SRVGGNetCompact
from pipeline.tiny.training import networks, tokens
from tests.gpu.film_net import FilmNet


@dataclass(frozen=True)
class Size:
    """Sides in pixels, frames, steps, and the networks: full-size or small ones. `compiled`: measure that too.

    `seconds` are those of the whole job.
    """

    side: int
    frames: int
    steps: int
    full: bool
    compiled: bool
    seconds: float


SIZES = {
    "full": Size(512, 16, 25, True, True, 2.0), "frame": Size(128, 1, 2, True, False, 0.5),
    "small": Size(32, 4, 2, False, False, 0.5),
}  # fmt: skip
QUALITY, FAST = "realesrgan-x4plus", "realesr-general-x4v3"


def random_pipeline(full: bool, scratch: Path) -> Any:
    """AnimateDiff as in the documentation of diffusers, on the CPU."""
    tokenizer = tokens.tokenizer(scratch / "tokens")
    return diffusers.AnimateDiffPipeline(
        vae=architectures.frame_vae() if full else networks.autoencoder(),
        text_encoder=architectures.clip_text() if full else networks.text_encoder(len(tokenizer), 2, 1),
        tokenizer=tokenizer,
        unet=architectures.sd15_unet() if full else networks.unet(),
        motion_adapter=diffusers.MotionAdapter() if full else networks.motion_adapter(),
        scheduler=diffusers.DDIMScheduler(beta_start=0.00085, beta_end=0.012, steps_offset=1, clip_sample=False),
    )


class RandomAnimateDiff(AnimateDiff):
    """AnimateDiff whose networks have random weights instead of files. The part `scratch` is for the tokenizer."""

    def load(self) -> Any:
        return random_pipeline("full" in self.parts, self.parts["scratch"]).to(self.device, self.dtype)


def model_for(size: Size) -> Model:
    """The entry of the catalog, for base frames of this size. A clip has no previews, which plain diffusers lacks."""
    return replace(MODELS["animatediff"], preview="none", memory=None, base_area=size.side**2)


def generator(size: Size, scratch: Path, *, device: Hardware | str, compiled: bool = False) -> RandomAnimateDiff:
    parts = {"scratch": scratch, "full" if size.full else "small": scratch}
    return RandomAnimateDiff(model_for(size), parts, replace(Device.of(device), compiled=compiled), Path)


def write_film(size: Size, folder: Path) -> None:
    """FILM as a file of TorchScript, as it is published. A file of an earlier part is used again."""
    if (folder / "film").exists():
        return
    (folder / "film").mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = torch.jit.script(FilmNet(64 if size.full else 4).eval())
        network.save(str(folder / "film" / INTERPOLATORS["film"].files[0]))


def write_upscalers(size: Size, folder: Path) -> None:
    """The large upscaler and the fast one, under the names of the published files."""
    small = {QUALITY: RRDBNet(4, 8, 1, 8), FAST: SRVGGNetCompact(8, 2, 4)}
    (folder / "realesrgan").mkdir(parents=True, exist_ok=True)
    for name, network in ({QUALITY: RRDBNet(4), FAST: SRVGGNetCompact(64, 32, 4)} if size.full else small).items():
        for file in UPSCALERS[name].files:
            torch.save({"params": network.state_dict()}, folder / "realesrgan" / file)


def write_models(size: Size, folder: Path) -> None:
    """Everything that `Preprocess` looks for. The files of the generator are empty: its weights are random."""
    write_film(size, folder)
    write_upscalers(size, folder)
    for file in MODELS["animatediff"].files:
        place = folder / "animatediff" / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
