"""The previews of a run: how well they show what the VAE decodes in the end, and their layout and speed."""

import io
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from pipeline.clip import Clip, Frames
from pipeline.contract.catalog import MODELS
from pipeline.generators import latent_colours, previews
from pipeline.generators.animatediff import AnimateDiff
from pipeline.generators.base import DiffusersGenerator
from pipeline.models.hardware import Device
from pipeline.models.weights import SHIPPED
from tests.pipeline.generators.families import FOLDERS, Parts, Plans, open_small, picture, plan_for

pytestmark = pytest.mark.usefixtures("library_warnings")


def frames_of(preview: bytes) -> Frames:
    with Image.open(io.BytesIO(preview)) as image:
        frames = []
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            frames.append(np.asarray(image.convert("RGB")))
    return np.stack(frames)


def seconds_of(preview: bytes) -> float:
    with Image.open(io.BytesIO(preview)) as image:
        total = 0.0
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            image.load()
            total += image.info["duration"] / 1000
    return total


def draw_with_previews(generator: DiffusersGenerator, requested: Any) -> tuple[Clip, list[bytes]]:
    received: list[bytes] = []
    with torch.inference_mode():
        clip = generator.draw(requested, lambda *step: received.append(step[2]), lambda: None)
    return clip, [preview for preview in received if preview]


def correlation(preview: Frames, frames: Frames) -> float:
    """Of the preview with the frames, averaged to its size and to its number of frames."""
    video = torch.from_numpy(frames.copy()).permute(3, 0, 1, 2)[None].float()
    averaged = functional.adaptive_avg_pool3d(video, preview.shape[:3])[0].permute(1, 2, 3, 0).numpy()
    return float(np.corrcoef(preview.ravel(), averaged.ravel())[0, 1])


class LinearVae:
    """Replaces the networks of a VAE by linear ones: a latent is a mix of the colours at its place and time.

    What the VAE decodes is then known for any latents, so the projection has to find it, in the layout of each
    pipeline and with its normalisation.
    """

    def __init__(self, vae: Any, size: int, times: int) -> None:
        self.size, self.times, self.is_frame_vae = size, times, isinstance(vae, latent_colours.FRAME_VAES)
        channels = getattr(vae.config, "latent_channels", None) or vae.config.z_dim
        scale, _ = latent_colours.normalisation(vae)
        colours = torch.randn((channels, 3), generator=torch.Generator().manual_seed(5))
        # Latents of the denoiser have a deviation of about 1: few colours are clipped.
        self.colours = 0.3 * colours / channels**0.5 / float(scale.mean())
        vae.encode, vae.decode = self.encode, self.decode

    def encode(self, video: Tensor, return_dict: bool = True) -> Any:
        video = video[:, :, None] if self.is_frame_vae else video
        size = ((video.shape[2] - 1) // self.times + 1, video.shape[3] // self.size, video.shape[4] // self.size)
        pooled = functional.adaptive_avg_pool3d(video, size)
        latents = torch.einsum("bctyx,cr->brtyx", pooled, torch.linalg.pinv(self.colours))
        latents = latents[:, :, 0] if self.is_frame_vae else latents
        distribution = SimpleNamespace(mode=lambda: latents, sample=lambda generator=None: latents)
        return SimpleNamespace(latent_dist=distribution) if return_dict else (distribution,)

    def decode(self, latents: Tensor, *_: Any, return_dict: bool = True, **__: Any) -> Any:
        latents = latents[:, :, None] if self.is_frame_vae else latents
        colours = torch.einsum("brtyx,rc->bctyx", latents, self.colours.to(latents.dtype))
        # The first latent frame is one frame, each other one is several.
        later = colours[:, :, 1:].repeat_interleave(self.times, dim=2)
        frames = torch.cat([colours[:, :, :1], later], dim=2)
        frames = frames.repeat_interleave(self.size, dim=3).repeat_interleave(self.size, dim=4)
        frames = frames[:, :, 0] if self.is_frame_vae else frames
        return SimpleNamespace(sample=frames) if return_dict else (frames,)


# Frames that one latent frame stands for.
TIMES = {"wan-1.3b": 4, "wan2.2-5b": 4, "ltx-video": 8, "cogvideox-2b": 4}
CASES = {name: (name, False) for name in FOLDERS} | {"ltx-video with an image": ("ltx-video", True)}


@pytest.mark.parametrize("case", CASES)
def test_the_previews_of_every_family_show_what_is_decoded(
    case: str, parts: Parts, plan: Plans, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, has_image = CASES[case]
    times = TIMES.get(name, 1)
    encode, shown = previews.encode, []

    def record(frames: Frames, fps: float) -> bytes:
        # WebP halves the resolution of colours, and each pixel of a random network has another one.
        shown.append(frames)
        return encode(frames, fps)

    monkeypatch.setattr(previews, "encode", record)
    generator = open_small(name, parts, preview="rgb")
    LinearVae(generator._bare.vae, latent_colours.spatial_compression(generator._bare), times)
    changes = {"base_width": 128, "base_height": 128, "num_inference_steps": 4}
    requested = plan_for(plan, name, **changes, **({"image": picture(), "base_frames": 17} if has_image else {}))

    clip, received = draw_with_previews(generator, requested)

    assert len(received) == 4
    used = min(requested.base_frames, requested.frames_to_draw)
    for preview in received:
        assert seconds_of(preview) == pytest.approx(used / MODELS[name].native_fps, abs=0.01)
    assert frames_of(received[-1]).shape == shown[-1].shape
    latents = math.ceil((used - 1) / times) + 1 - has_image
    frames = clip.frames[[min((n + has_image) * times, used - 1) for n in previews.choose_frames(latents)]]
    assert correlation(shown[-1], frames) > 0.95
    assert correlation(shown[-1][:, ::-1, ::-1], frames) < 0.6


def test_the_approximation_shows_what_a_trained_vae_decodes(plan: Plans) -> None:
    """With the models that ship with the project: from the second preview on, noise gives way to the picture."""
    model = replace(MODELS["tiny"], preview="rgb")
    parts = {"base": SHIPPED / "base", "motion-adapter": SHIPPED / "motion-adapter"}
    generator = AnimateDiff(model, parts, Device("cpu"), SHIPPED.joinpath)

    clip, received = draw_with_previews(generator, plan(num_inference_steps=6, guidance_scale=3.0))

    found = [correlation(frames_of(preview), clip.frames) for preview in received]
    assert len(found) == 6
    assert min(found[1:]) > 0.7
    assert found[-1] > 0.9


def test_the_projection_is_found_although_the_latents_are_normalised(parts: Parts) -> None:
    pipeline = open_small("wan-1.3b", parts)._bare
    linear = LinearVae(pipeline.vae, 8, 4)

    projection = latent_colours.fit(pipeline, torch.device("cpu"))

    scale, shift = latent_colours.normalisation(pipeline.vae)
    latents = torch.randn((1, 16, 3, 4, 4), generator=torch.Generator().manual_seed(2))
    raw = latents * scale.view(1, -1, 1, 1, 1).float() + shift.view(1, -1, 1, 1, 1).float()
    span = linear.colours @ torch.linalg.pinv(linear.colours)
    raw = torch.einsum("bctyx,cd->bdtyx", raw, span.float())
    seen = (raw - shift.view(1, -1, 1, 1, 1)) / scale.view(1, -1, 1, 1, 1)
    expected = torch.einsum("bctyx,cr->tryx", raw, linear.colours).div(2).add(0.5).clamp(0, 1)
    assert torch.allclose(projection(seen.float()), expected, atol=0.02)


def test_a_model_without_previews_reports_none(parts: Parts, plan: Plans) -> None:
    _, received = draw_with_previews(open_small("modelscope", parts), plan_for(plan, "modelscope"))

    assert received == []
