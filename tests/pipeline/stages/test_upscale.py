from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped, OutOfMemory, StageFailed, Stopped
from pipeline.contract.hardware import Budget
from pipeline.contract.plan import Plan
from pipeline.models.realesrgan import RRDBNet, SRVGGNetCompact
from pipeline.stages import upscale as module
from pipeline.stages.upscale import Upscale, apply_tiled

Plans = Callable[..., Plan]


@pytest.fixture
def upscale(models_dir: Path) -> Upscale:
    return Upscale(models_dir, "cpu")


@pytest.mark.parametrize(
    ("factor", "width", "height"), [(2, 144, 80), (4, 288, 160), (4, 256, 144), (4, 640, 360), (1, 100, 50)]
)
def test_frames_have_exactly_the_requested_size(
    upscale: Upscale,
    plan: Plans,
    noise: Callable[..., Clip],
    never_stop: CheckStopped,
    factor: int,
    width: int,
    height: int,
) -> None:
    clip = upscale(noise(3, 40, 72, 24), plan(upscale=factor, width=width, height=height), never_stop)

    assert clip.frames.shape == (3, height, width, 3)
    assert clip.fps == 24
    assert not clip.frames.flags.writeable


def test_batches_do_not_change_the_frames(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    clip, requested = noise(5, 16, 24), plan(upscale=2, width=48, height=32)
    whole = upscale(clip, requested, never_stop)
    upscale._batch_pixels = 2 * 32 * 48
    checks: list[int] = []

    batched = upscale(clip, requested, lambda: checks.append(1))

    assert len(checks) == 3
    assert np.abs(whole.frames.astype(int) - batched.frames).max() <= 1


def test_batches_are_limited_by_the_size_of_the_output(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip]
) -> None:
    """A batch limited by the small input would not fit into memory after the resize."""
    upscale._batch_pixels = 2 * 256 * 256
    checks: list[int] = []

    upscale(noise(4, 16, 16), plan(upscale=2, width=256, height=256), lambda: checks.append(1))

    assert len(checks) == 2


def test_tiles_equal_the_whole_frame(
    models_dir: Path, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    clip, requested = noise(1, 70, 90), plan(upscale=4, width=360, height=280)

    whole = Upscale(models_dir, "cpu")(clip, requested, never_stop)
    tiled = Upscale(models_dir, "cpu", tile=32)(clip, requested, never_stop)

    assert np.abs(whole.frames.astype(int) - tiled.frames).max() <= 1


@pytest.mark.parametrize("tile", [85, 66, 33])
@pytest.mark.parametrize("kind", ["x2plus", "x4plus", "general-x4v3"])
def test_tiles_of_any_side_equal_the_whole_frame(tile: int, kind: str) -> None:
    """x2plus pixel-unshuffles its input, so a tile that starts at an odd pixel would shift every block of pixels."""
    torch.manual_seed(0)
    networks = {
        "x2plus": lambda: RRDBNet(scale=2, num_feat=4, num_block=1, num_grow_ch=4),
        "x4plus": lambda: RRDBNet(scale=4, num_feat=4, num_block=1, num_grow_ch=4),
        "general-x4v3": lambda: SRVGGNetCompact(4, 2, 4),
    }
    network = networks[kind]().eval()
    frame = torch.rand(1, 3, 150, 171)

    with torch.inference_mode():
        whole, tiled = network(frame), apply_tiled(network, frame, tile)

    assert torch.allclose(whole, tiled, atol=1e-5)


def test_halved_tiles_stay_multiples_of_the_pixel_shuffle(models_dir: Path) -> None:
    stage = Upscale(models_dir, "cpu")

    assert stage._halve_tile(680)
    assert stage._halve_tile(680)
    assert stage.tile == 168


def test_a_tile_with_its_margins_has_a_limited_size() -> None:
    network = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=2)
    shapes: list[tuple[int, ...]] = []
    network.register_forward_pre_hook(lambda _, args: shapes.append(tuple(args[0].shape[-2:])))

    assert apply_tiled(network, torch.rand(1, 3, 100, 70), 32).shape == (1, 3, 200, 140)

    assert len(shapes) == 12
    assert max(height for height, _ in shapes) == 32 + 2 * module.MARGIN
    assert max(width for _, width in shapes) <= 32 + 2 * module.MARGIN


class SmallDevice(torch.nn.Module):
    """An upscaler on a device with memory for `max_frames` frames of `max_pixels` pixels."""

    scale = 2

    def __init__(self, max_frames: int, max_pixels: int = 10**9) -> None:
        super().__init__()
        self.max_frames, self.max_pixels, self.batches = max_frames, max_pixels, []

    def forward(self, tensor: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(tensor))
        if len(tensor) > self.max_frames or tensor.shape[-1] * tensor.shape[-2] > self.max_pixels:
            raise torch.OutOfMemoryError
        return torch.nn.functional.interpolate(tensor, scale_factor=2.0)


def test_out_of_memory_reduces_the_batch_permanently(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    network, clip = SmallDevice(max_frames=3), noise(8, 16, 24)
    upscale._loaded = ("tiny-realesr-x2", network)
    requested = plan(upscale=2, width=48, height=32)

    enlarged = upscale(clip, requested, never_stop)
    upscale(clip, requested, never_stop)

    assert network.batches == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert np.array_equal(enlarged.frames[:, ::2, ::2], clip.frames)


def test_out_of_memory_for_one_frame_reduces_the_tile(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    clip, requested = noise(2, 200, 280), plan(upscale=2, width=560, height=400)
    network = SmallDevice(max_frames=1, max_pixels=110 * 110)
    upscale._loaded = ("tiny-realesr-x2", network)

    enlarged = upscale(clip, requested, never_stop)

    assert upscale.tile == 68
    assert np.array_equal(enlarged.frames[:, ::2, ::2], clip.frames)


def test_out_of_memory_for_the_smallest_tile_fails(
    upscale: Upscale, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    upscale._loaded = ("tiny-realesr-x2", SmallDevice(max_frames=0))

    with pytest.raises(OutOfMemory) as error:
        upscale(noise(2, 16, 24), plan(upscale=2, width=48, height=32), never_stop)

    assert error.value.stage == "upscale"


def test_a_stop_is_checked(upscale: Upscale, plan: Plans, noise: Callable[..., Clip]) -> None:
    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        upscale(noise(1, 16, 24), plan(), stop)


def test_missing_files_are_named(
    tmp_path: Path, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    with pytest.raises(StageFailed, match=r"upscale: the files of realesrgan-x4plus are missing"):
        Upscale(tmp_path, "cpu")(noise(1, 8, 8), plan(model="animatediff"), never_stop)


def test_the_chosen_upscaler_and_its_strength_are_used(
    tmp_path: Path, plan: Plans, noise: Callable[..., Clip], never_stop: CheckStopped
) -> None:
    """The files are small ones with the published names."""
    (tmp_path / "realesrgan").mkdir()
    for seed, name in enumerate(("realesr-general-x4v3", "realesr-general-wdn-x4v3")):
        torch.manual_seed(seed)
        network = SRVGGNetCompact(num_feat=4, num_conv=2, upscale=4)
        torch.save({"params": network.state_dict()}, tmp_path / "realesrgan" / f"{name}.pth")
    stage = Upscale(tmp_path, "cpu")
    requested = plan(model="animatediff", upscaler="realesr-general-x4v3", upscale=4, width=64, height=64)

    frames = {
        strength: stage(
            noise(1, 16, 16), requested.model_copy(update={"denoise_strength": strength}), never_stop
        ).frames
        for strength in (0.0, 0.5, 1.0, 0.0)
    }

    assert not np.array_equal(frames[0.0], frames[1.0])
    assert not np.array_equal(frames[0.5], frames[1.0])
    assert stage._loaded is not None
    assert stage._loaded[0] == "realesr-general-x4v3@0"


def test_a_warm_up_enlarges_one_frame_with_each_upscaler_of_a_model(
    upscale: Upscale, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only on a GPU. Without one, the test replaces the property that the decision reads."""
    upscale.warm_up("tiny")
    assert upscale._loaded is None
    monkeypatch.setattr(type(upscale.hardware), "is_gpu", True)
    monkeypatch.setattr(type(upscale.hardware), "budget", lambda _: Budget())
    enlarged: list[torch.Size] = []
    load = Upscale.load

    def loaded(self: Upscale, name: str) -> Callable[[torch.Tensor], None]:
        network = load(self, name)
        return lambda frame: enlarged.append(network(frame).shape)

    monkeypatch.setattr(Upscale, "load", loaded)

    for model in ("animatediff", "nothing", "tiny"):
        upscale.warm_up(model)

    assert enlarged == [(1, 3, 256, 256), (1, 3, 128, 128)]
    assert upscale._loaded is not None
    assert upscale._loaded[0] == "tiny-realesr-x2"
