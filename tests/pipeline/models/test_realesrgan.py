"""Loading checkpoints with the keys and shapes of the published ones."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from pipeline.models import realesrgan
from pipeline.models.realesrgan import RRDBNet, SRVGGNetCompact

Shapes = dict[str, tuple[int, ...]]


def published_rrdb(channels: int, blocks: int = 23) -> Shapes:
    convolutions = {"conv_first": (64, channels), "conv_body": (64, 64), "conv_up1": (64, 64), "conv_up2": (64, 64)}
    convolutions |= {"conv_hr": (64, 64), "conv_last": (3, 64)}
    for block in range(blocks):
        for dense in (1, 2, 3):
            sizes = ((32, 64), (32, 96), (32, 128), (32, 160), (64, 192))
            for number, size in enumerate(sizes, 1):
                convolutions[f"body.{block}.rdb{dense}.conv{number}"] = size
    return {
        f"{name}.{kind}": (*size, 3, 3) if kind == "weight" else size[:1]
        for name, size in convolutions.items()
        for kind in ("weight", "bias")
    }


def published_compact(convolutions: int, scale: int = 4, features: int = 64) -> Shapes:
    widths = [3, *[features] * (convolutions + 1)]
    shapes: Shapes = {}
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        shapes[f"body.{2 * number}.weight"] = (outputs, inputs, 3, 3)
        shapes[f"body.{2 * number}.bias"] = (outputs,)
        shapes[f"body.{2 * number + 1}.weight"] = (outputs,)
    shapes[f"body.{2 * convolutions + 2}.weight"] = (3 * scale**2, features, 3, 3)
    shapes[f"body.{2 * convolutions + 2}.bias"] = (3 * scale**2,)
    return shapes


def weights(shapes: Shapes, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {name: (torch.randn(shape, generator=generator) * 0.02).to(dtype) for name, shape in shapes.items()}


PUBLISHED = {
    "x2plus": (published_rrdb(12), "params_ema", RRDBNet, 2, 23),
    "x4plus": (published_rrdb(3), "params_ema", RRDBNet, 4, 23),
    "x4plus-anime-6B": (published_rrdb(3, 6), "params_ema", RRDBNet, 4, 6),
    "general-x4v3": (published_compact(32), "params", SRVGGNetCompact, 4, 67),
    "animevideov3": (published_compact(16), "params", SRVGGNetCompact, 4, 35),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_checkpoints_load_and_enlarge(name: str, tmp_path: Path) -> None:
    shapes, outer, kind, scale, depth = PUBLISHED[name]
    torch.save({outer: weights(shapes)}, tmp_path / f"{name}.pth")

    network = realesrgan.load(tmp_path / f"{name}.pth")

    assert isinstance(network, kind)
    assert {key: tuple(value.shape) for key, value in network.state_dict().items()} == shapes
    assert (network.scale, len(network.body)) == (scale, depth)
    assert not network.training
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 7, 9)).shape == (1, 3, 7 * scale, 9 * scale)


def test_the_averaged_weights_are_preferred(tmp_path: Path) -> None:
    shapes = published_compact(1, features=4)
    raw, averaged = weights(shapes), {name: value + 1 for name, value in weights(shapes).items()}
    torch.save({"params": raw, "params_ema": averaged}, tmp_path / "both.pth")

    read = realesrgan.read_weights(tmp_path / "both.pth")

    assert all(torch.equal(read[name], averaged[name]) for name in averaged)


def test_a_checkpoint_that_contains_code_is_refused(tmp_path: Path) -> None:
    torch.save({"params": Path("anything but tensors")}, tmp_path / "bad.pth")

    with pytest.raises(Exception, match="Weights only load failed"):
        realesrgan.load(tmp_path / "bad.pth")


def test_half_precision_files_become_single_precision_on_the_cpu(tmp_path: Path) -> None:
    save_file(weights(published_compact(2, features=8), torch.float16), tmp_path / "small.safetensors")

    network = realesrgan.load(tmp_path / "small.safetensors")

    assert {value.dtype for value in network.state_dict().values()} == {torch.float32}


def test_other_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="not Real-ESRGAN weights"):
        realesrgan.build({"layer.weight": torch.zeros(1)})


@pytest.mark.parametrize("scale", [2, 4])
def test_a_compact_network_with_a_zero_last_layer_repeats_pixels(scale: int) -> None:
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=scale)
    torch.nn.init.zeros_(network.body[-1].weight)
    torch.nn.init.zeros_(network.body[-1].bias)
    image = torch.rand(1, 3, 5, 6)

    enlarged = network(image)

    assert torch.equal(enlarged[..., ::scale, ::scale], image)
    assert torch.equal(enlarged[..., scale - 1 :: scale, scale - 1 :: scale], image)


def test_dense_blocks_use_the_published_scale_and_slope() -> None:
    """Computed by hand: 0.2 of the residual, and a slope of 0.2 below zero."""
    block = realesrgan.ResidualInResidualBlock(num_feat=1, num_grow_ch=1)
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)
    zeros = torch.zeros(1, 1, 3, 3)
    block.rdb1.conv5.bias.data.fill_(1.0)
    assert torch.allclose(block(zeros), zeros + 0.2 * 0.2)

    block.rdb1.conv5.bias.data.zero_()
    block.rdb1.conv1.bias.data.fill_(-1.0)
    block.rdb1.conv5.weight.data[0, 1, 1, 1] = 1.0
    assert torch.allclose(block(zeros), zeros - 0.2 * 0.2 * 0.2)


def published_rrdbnet(weights: dict[str, Tensor], x: Tensor, scale: int) -> Tensor:
    """RRDBNet as upstream computes it, from the keys of a checkpoint."""

    def conv(name: str, x: Tensor) -> Tensor:
        return functional.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)

    def active(name: str, x: Tensor) -> Tensor:
        return functional.leaky_relu(conv(name, x), 0.2)

    def dense(name: str, x: Tensor) -> Tensor:
        x1 = active(f"{name}.conv1", x)
        x2 = active(f"{name}.conv2", torch.cat((x, x1), 1))
        x3 = active(f"{name}.conv3", torch.cat((x, x1, x2), 1))
        x4 = active(f"{name}.conv4", torch.cat((x, x1, x2, x3), 1))
        return conv(f"{name}.conv5", torch.cat((x, x1, x2, x3, x4), 1)) * 0.2 + x

    side = 4 // scale
    batch, channels, height, width = x.shape
    x = x.view(batch, channels, height // side, side, width // side, side).permute(0, 1, 3, 5, 2, 4)
    features = conv("conv_first", x.reshape(batch, channels * side**2, height // side, width // side))
    body = features
    for block in range(sum(name.endswith("rdb1.conv1.weight") for name in weights)):
        trunk = body
        for number in (1, 2, 3):
            trunk = dense(f"body.{block}.rdb{number}", trunk)
        body = trunk * 0.2 + body
    features = features + conv("conv_body", body)
    for name in ("conv_up1", "conv_up2"):
        features = active(name, features.repeat_interleave(2, 2).repeat_interleave(2, 3))
    return conv("conv_last", active("conv_hr", features))


@pytest.mark.parametrize(("height", "width"), [(8, 12), (7, 9), (5, 6), (1, 3)])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_large_network_equals_the_published_one(scale: int, height: int, width: int) -> None:
    """Sides that its pixel-unshuffle does not divide are continued with their last pixels, and cropped afterwards."""
    torch.manual_seed(0)
    network = RRDBNet(scale, num_feat=8, num_block=2, num_grow_ch=4)
    image, side = torch.rand(2, 3, height, width), 4 // scale
    rows, columns = (torch.arange(size + -size % side).clamp(max=size - 1) for size in (height, width))

    with torch.inference_mode():
        found = network(image)
        expected = published_rrdbnet(network.state_dict(), image[..., rows, :][..., columns], scale)

    assert torch.equal(found, expected[..., : height * scale, : width * scale])


def test_x2_pixel_unshuffles_its_input() -> None:
    network = RRDBNet(scale=2, num_feat=4, num_block=1, num_grow_ch=2)
    inputs: list[Tensor] = []
    network.conv_first.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    image = torch.arange(3 * 4 * 6, dtype=torch.float32).reshape(1, 3, 4, 6)

    network(image)

    assert inputs[0].shape == (1, 12, 2, 3)
    assert inputs[0][0, :4, 0, 0].tolist() == [0, 1, 6, 7]


@pytest.mark.parametrize("strength", [0.0, 0.25, 1.0])
def test_the_denoise_strength_blends_both_sets_of_weights(strength: float, tmp_path: Path) -> None:
    shapes = published_compact(2, features=8)
    strong, soft = weights(shapes), {name: value * -1 + 0.01 for name, value in weights(shapes).items()}
    for name, tensors in (("x4v3", strong), ("wdn", soft)):
        torch.save({"params": tensors}, tmp_path / f"{name}.pth")

    network = realesrgan.load(tmp_path / "x4v3.pth", tmp_path / "wdn.pth", strength)

    for name, value in network.state_dict().items():
        assert torch.allclose(value, strength * strong[name] + (1 - strength) * soft[name], atol=1e-7)
