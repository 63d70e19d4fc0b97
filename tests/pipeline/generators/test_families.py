"""Every family from files in its published layout, compared with a plain diffusers call with the same arguments."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.pipelines.deprecated.text_to_video_synthesis.pipeline_text_to_video_synth import TextToVideoSDPipeline

from pipeline.clip import Frames
from pipeline.contract.catalog import MODELS
from pipeline.contract.errors import StageFailed, Stopped
from pipeline.contract.plan import Plan
from pipeline.generators import images
from pipeline.generators.open import CLASSES, open_generator
from pipeline.models.hardware import Device
from tests.pipeline import small_models, small_networks
from tests.pipeline.generators.families import FOLDERS, Parts, Plans, draw, open_small, picture, plan_for

pytestmark = pytest.mark.usefixtures("library_warnings")


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


def plain(name: str, folder: dict[str, Path], requested: Plan) -> Frames:
    """What diffusers draws, without any code of this project."""
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
    with torch.inference_mode():
        return to_uint8(pipe(**arguments).frames)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_family_equals_plain_diffusers(name: str, parts: Parts, plan: Plans) -> None:
    requested = plan_for(plan, name)

    clip = draw(open_small(name, parts), requested)

    expected = plain(name, parts(name), requested)[: requested.base_frames]
    assert clip.frames.shape == (requested.base_frames, 64, 64, 3)
    assert clip.fps == MODELS[name].native_fps
    assert clip.frames.std() > 1
    assert np.array_equal(clip.frames, expected)


def test_every_family_of_the_catalog_has_a_class() -> None:
    assert {model.family for model in MODELS.values()} == set(CLASSES)


@pytest.mark.parametrize("name", ["modelscope", "svd", "wan-1.3b", "ltx-video", "cogvideox-2b"])
def test_every_family_reports_its_steps_and_stops(name: str, parts: Parts, plan: Plans) -> None:
    generator, steps = open_small(name, parts), []

    def check() -> None:
        if len(steps) == 2:
            raise Stopped

    with pytest.raises(Stopped), torch.inference_mode():
        generator.draw(plan_for(plan, name, num_inference_steps=4), lambda *step: steps.append(step[:2]), check)

    assert steps == [(1, 4), (2, 4)]


def test_ltx_video_begins_with_the_image(parts: Parts, plan: Plans) -> None:
    generator = open_small("ltx-video", parts)
    requested = plan_for(plan, "ltx-video", image=picture())

    clip = draw(generator, requested)

    pipe = diffusers.LTXImageToVideoPipeline.from_pretrained(parts("ltx-video")["base"], local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    image = images.decode(requested.image, 64, 64)
    with torch.inference_mode():
        expected = to_uint8(pipe(image=image, frame_rate=24, **common(requested)).frames)
    assert np.array_equal(clip.frames, expected)
    assert not np.array_equal(clip.frames, draw(generator, plan_for(plan, "ltx-video")).frames)


def test_stable_video_without_an_image_draws_the_first_frame(
    parts: Parts, plan: Plans, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_models.stable_diffusion(root / "sd")
    monkeypatch.setattr("pipeline.generators.stable_video.FIRST_FRAME_STEPS", 1)
    model = replace(MODELS["svd"], memory=None)
    generator = open_generator(model, {**parts("svd"), "text-to-image": root / "sd"}, Device("cpu"), Path)

    first, other = (draw(generator, plan_for(plan, "svd", image="", prompt=prompt)) for prompt in ("a red", "a blue"))

    assert not np.array_equal(first.frames, other.frames)


def test_stable_video_without_an_image_and_a_text_model_fails(parts: Parts, plan: Plans) -> None:
    with pytest.raises(StageFailed, match="needs an image"):
        draw(open_small("svd", parts), plan_for(plan, "svd", image=""))


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_damaged_files_give_one_line(damage: str, parts: Parts, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(parts("wan-1.3b")["base"], tmp_path / "wan"))
    shard = next(folder.glob("transformer/*-00002-of-*.safetensors"))
    shard.unlink() if damage == "missing" else shard.write_bytes(shard.read_bytes()[:-100])

    with pytest.raises(StageFailed, match=r"aura models verify wan-1\.3b") as error:
        open_generator(MODELS["wan-1.3b"], {"base": folder}, Device("cpu"), Path)

    assert "\n" not in str(error.value)
