"""AnimateDiff from the files as they are published: base checkpoints, motion modules, LoRAs, and what they draw."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.clip import Frames
from pipeline.contract.catalog import MODELS
from pipeline.contract.errors import StageFailed
from pipeline.contract.plan import Plan
from pipeline.contract.published.animatediff import TRAINED_WITH
from pipeline.contract.spec import LoraUse
from pipeline.generators.animatediff import AnimateDiff
from pipeline.models.convert import ConversionFailed, convert
from pipeline.models.hardware import Device
from tests.pipeline import single_file, small_models, small_networks

Plans = Callable[..., Plan]
SIDE = 32
SMALL = {
    "model": "animatediff", "base_frames": 16, "num_inference_steps": 2, "guidance_scale": 7.5, "base_width": SIDE,
    "base_height": SIDE,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _library_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`sd15`, `v1-5-2` and `v1-5-3` in their published layouts, and LoRAs in `loras`."""
    folder = tmp_path_factory.mktemp("published")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        small_models.stable_diffusion(folder / "sd15")
        small_models.published_adapter(folder / "v1-5-2")
        (folder / "v1-5-3").mkdir()
        small_models.authors_motion_module(folder / "module.ckpt")
        convert(folder / "module.ckpt", folder / "v1-5-3" / "motion-module.safetensors", "motion-module")
        unet = plain_pipeline(folder).unet
    small_models.save_lora(unet, folder / "loras" / "style.safetensors")
    small_models.save_lora(unet, folder / "loras" / "zoom.safetensors", motion_only=True)
    return folder


def plain_pipeline(root: Path) -> Any:
    """AnimateDiff as in the documentation of diffusers."""
    adapter = diffusers.MotionAdapter.from_pretrained(root / "v1-5-2", local_files_only=True)
    scheduler = diffusers.DDIMScheduler.from_pretrained(root / "sd15", subfolder="scheduler", **TRAINED_WITH)
    pipe = diffusers.AnimateDiffPipeline.from_pretrained(
        root / "sd15", motion_adapter=adapter, scheduler=scheduler, feature_extractor=None, image_encoder=None,
        local_files_only=True,
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe


def open_small(root: Path, base: str = "sd15", adapter: str = "v1-5-2", **changes: Any) -> AnimateDiff:
    model = replace(MODELS["animatediff"], memory=None, **changes)
    parts = {"base": root / base, "motion-adapter": root / adapter, "lcm-lora": root / "lcm"}
    return AnimateDiff(model, parts, Device("cpu"), lambda name: root / "loras" / f"{name}.safetensors")


def draw(generator: AnimateDiff, requested: Plan) -> Frames:
    with torch.inference_mode():
        return generator.draw(requested, lambda *_: None, lambda: None).frames


def plain(pipe: Any, requested: Plan, **arguments: Any) -> Frames:
    """The frames of a plain call, decoded by the pipeline."""
    values = {"prompt": requested.prompt, **arguments}
    with torch.inference_mode():
        frames = pipe(
            num_frames=requested.frames_to_draw, width=SIDE, height=SIDE, guidance_scale=requested.guidance_scale,
            num_inference_steps=requested.num_inference_steps, output_type="pt",
            generator=torch.Generator("cpu").manual_seed(requested.seed), **values,
        ).frames  # fmt: skip
    pixels: Frames = frames[0].float().mul(255).round().byte().permute(0, 2, 3, 1).numpy()
    return pixels


@pytest.mark.parametrize("guidance", [7.5, 1.0])
def test_the_published_folder_equals_plain_diffusers(root: Path, plan: Plans, guidance: float) -> None:
    requested = plan(**{**SMALL, "guidance_scale": guidance})

    assert np.array_equal(draw(open_small(root), requested), plain(plain_pipeline(root), requested))


def test_free_noise_equals_plain_diffusers(root: Path, plan: Plans) -> None:
    requested = plan(**{**SMALL, "base_frames": 24})
    pipe = plain_pipeline(root)
    pipe.enable_free_noise(context_length=16, context_stride=8)

    assert np.array_equal(draw(open_small(root), requested), plain(pipe, requested))


@pytest.mark.parametrize("frames", [6, 16])
def test_prompts_that_change_equal_plain_diffusers(root: Path, plan: Plans, frames: int) -> None:
    """Also for clips shorter than the context of the motion adapter."""
    requested = plan(**{**SMALL, "base_frames": frames}, prompt_travel={2: "a blue square", 4: "a green star"})
    pipe = plain_pipeline(root)
    pipe.enable_free_noise(context_length=frames, context_stride=8)
    prompts = {0: requested.prompt, 2: "a blue square", 4: "a green star"}

    frames = draw(open_small(root), requested)

    assert np.array_equal(frames, plain(pipe, requested, prompt=prompts))
    assert not np.array_equal(frames, plain(pipe, requested))


def test_a_single_file_equals_the_folder_it_was_made_from(root: Path, plan: Plans) -> None:
    original = single_file.write(root / "single")
    adapter = small_networks.seeded(
        lambda: diffusers.MotionAdapter(block_out_channels=(32, 32, 64, 64), motion_layers_per_block=2)
    )
    adapter.save_pretrained(root / "deep-adapter")
    generator = open_small(root, "single", "deep-adapter")

    loaded = generator._bare
    for part in ("vae", "text_encoder"):
        expected, found = (getattr(pipe, part).state_dict() for pipe in (original, loaded))
        assert all(torch.equal(expected[key], found[key]) for key in expected)
    motion = diffusers.UNetMotionModel.from_unet2d(original.unet, adapter).state_dict()
    assert all(torch.equal(value, motion[key]) for key, value in loaded.unet.state_dict().items())
    assert draw(generator, plan(**{**SMALL, "base_frames": 4, "num_inference_steps": 1})).std() > 1


def test_the_authors_motion_module_equals_the_converted_one(root: Path) -> None:
    module = open_small(root, adapter="v1-5-3")._bare.unet

    expected = small_networks.motion_adapter(mid_block=False).state_dict()
    loaded = module.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in expected.items() if key in loaded)
    assert module.config.use_motion_mid_block is False
    assert module.config.motion_max_seq_length == 32


def test_lightning_starts_at_the_last_timestep(root: Path, plan: Plans) -> None:
    """Its weights are a bare state dict of MotionAdapter, and its timesteps are trailing."""
    published = MODELS["animatediff-lightning"]
    (root / "lightning").mkdir()
    save_file(small_networks.motion_adapter().state_dict(), root / "lightning" / "motion-module.safetensors")
    generator = open_small(
        root, adapter="lightning", scheduler_config=published.scheduler_config, steps=published.steps
    )
    requested = plan(**{**SMALL, "num_inference_steps": 4, "guidance_scale": 1.0, "scheduler": "euler"})

    frames = draw(generator, requested)

    pipe = plain_pipeline(root)
    pipe.scheduler = diffusers.EulerDiscreteScheduler(
        **{**small_networks.SD_SCHEDULER, "beta_schedule": "linear"}, timestep_spacing="trailing"
    )
    assert np.array_equal(frames, plain(pipe, requested))
    assert int(pipe.scheduler.timesteps[0]) == 999


def test_animate_lcm_has_its_lora_always(root: Path, plan: Plans) -> None:
    (root / "lcm").mkdir()
    small_models.save_lora(plain_pipeline(root).unet, root / "lcm" / "lora.safetensors", scale=0.2)
    requested = plan(**{**SMALL, "guidance_scale": 2.0, "scheduler": "lcm"})

    frames = draw(open_small(root, loras=MODELS["animate-lcm"].loras), requested)

    pipe = plain_pipeline(root)
    pipe.load_lora_weights(load_file(root / "lcm" / "lora.safetensors"), adapter_name="lcm")
    pipe.set_adapters(["lcm"], [0.8])
    pipe.scheduler = diffusers.LCMScheduler(**{**small_networks.SD_SCHEDULER, **TRAINED_WITH})
    assert np.array_equal(frames, plain(pipe, requested))


@pytest.mark.parametrize("frames", [16, 20])
def test_loras_equal_plain_diffusers_and_leave_no_trace(root: Path, plan: Plans, frames: int) -> None:
    """With FreeNoise too: there the LoRAs are loaded after it was built."""
    generator = open_small(root)
    requested = plan(**{**SMALL, "base_frames": frames})
    before = draw(generator, requested)
    both = (LoraUse(name="style", weight=0.7), LoraUse(name="zoom", weight=-0.5))

    styled = draw(generator, requested.model_copy(update={"loras": both}))
    other = draw(generator, requested.model_copy(update={"loras": both[:1]}))

    pipe = plain_pipeline(root)
    if frames > 16:
        pipe.enable_free_noise(context_length=16, context_stride=8)
    for use in both:
        pipe.load_lora_weights(load_file(root / "loras" / f"{use.name}.safetensors"), adapter_name=use.name)
    pipe.set_adapters([use.name for use in both], [use.weight for use in both])
    assert np.array_equal(styled, plain(pipe, requested))
    assert not np.array_equal(styled, before)
    assert not np.array_equal(styled, other)
    assert np.array_equal(draw(generator, requested), before)


def test_the_authors_motion_lora_equals_the_converted_one(root: Path, plan: Plans) -> None:
    converted = load_file(root / "loras" / "zoom.safetensors")
    authors = {}
    for key, value in converted.items():
        name = key.removeprefix("unet.").replace(".lora_A.", "_lora.down.").replace(".lora_B.", "_lora.up.")
        for layer in ("to_q", "to_v"):
            name = name.replace(f".{layer}_lora", f".processor.{layer}_lora")
        name = name.replace(".attn1", ".attention_blocks.0").replace(".attn2", ".attention_blocks.1")
        authors[name.replace(".transformer_blocks", ".temporal_transformer.transformer_blocks")] = value
    torch.save({"state_dict": authors}, root / "v2_lora.ckpt")

    convert(root / "v2_lora.ckpt", root / "loras" / "authors.safetensors", "motion-lora")

    again = load_file(root / "loras" / "authors.safetensors")
    assert again.keys() == converted.keys()
    assert all(torch.equal(again[key], converted[key]) for key in converted)


def test_a_lora_for_another_model_fails_with_its_name(root: Path, plan: Plans) -> None:
    save_file({"unet.nothing.lora_A.weight": torch.zeros(4, 4)}, root / "loras" / "other.safetensors")

    with pytest.raises(StageFailed, match=r"other\.safetensors"):
        draw(open_small(root), plan(**SMALL, loras=({"name": "other"},)))


def test_the_sampler_of_sd15_equals_plain_diffusers_and_reports_no_more_steps_than_requested(
    root: Path, plan: Plans
) -> None:
    """PNDM calls the network once more."""
    requested = plan(**{**SMALL, "num_inference_steps": 5, "scheduler": "own"})
    steps: list[tuple[int, int]] = []

    with torch.inference_mode():
        clip = open_small(root).draw(requested, lambda *step: steps.append(step[:2]), lambda: None)

    pipe = plain_pipeline(root)
    pipe.scheduler = diffusers.PNDMScheduler.from_pretrained(root / "sd15", subfolder="scheduler", **TRAINED_WITH)
    assert np.array_equal(clip.frames, plain(pipe, requested))
    assert steps == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5), (5, 5)]


def test_a_loop_ends_where_it_begins(root: Path, plan: Plans) -> None:
    """The frames are rolled between the steps, so none is special: the step across the seam is like any other."""
    generator = open_small(root)

    clip = draw(generator, plan(**{**SMALL, "base_frames": 17, "num_inference_steps": 8, "loop": True}))

    assert len(clip) == 17
    assert np.array_equal(clip[0], clip[-1])
    assert not np.array_equal(clip[:-1], draw(generator, plan(**{**SMALL, "num_inference_steps": 8})))


def test_code_in_a_checkpoint_is_not_executed(tmp_path: Path) -> None:
    torch.save({"state_dict": Path("anything but tensors")}, tmp_path / "bad.ckpt")

    with pytest.raises(ConversionFailed, match=r"bad\.ckpt is not a checkpoint"):
        convert(tmp_path / "bad.ckpt", tmp_path / "bad.safetensors", "tensors")


def test_only_the_repeated_blocks_are_compiled(root: Path) -> None:
    """Compiling is lazy, so nothing is compiled here."""
    model = replace(MODELS["animatediff"], memory=None)
    parts = {"base": root / "sd15", "motion-adapter": root / "v1-5-2"}

    generator = AnimateDiff(model, parts, Device("cpu", compiled=True), Path)

    modules = list(generator._bare.unet.modules())
    compiled = {type(module).__name__ for module in modules if module._compiled_call_impl is not None}
    assert compiled == {"ResnetBlock2D", "BasicTransformerBlock", "AnimateDiffTransformer3D"}
