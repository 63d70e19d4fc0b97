"""Real-ESRGAN's two networks with the keys of the published checkpoints, and a loader that infers their sizes.

    RRDBNet           x2plus (pixel-unshuffles its input), x4plus
    SRVGGNetCompact   general-x4v3, animevideov3, and the small ones of this project

Both map float RGB (B, 3, H, W) in 0..1 to (B, 3, scale·H, scale·W).
"""

from collections.abc import Mapping
from itertools import pairwise
from math import isqrt
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

OUTER_KEYS = ("params_ema", "params")
RESIDUAL_SCALE = 0.2
SLOPE = 0.2


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)


def _leaky_relu(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, SLOPE)


class ResidualDenseBlock(nn.Module):
    """Five convolutions. The input of each is the input of the block and the outputs of the ones before."""

    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        for i in range(1, 5):
            self.add_module(f"conv{i}", _conv(num_feat + (i - 1) * num_grow_ch, num_grow_ch))
        self.conv5 = _conv(num_feat + 4 * num_grow_ch, num_feat)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for i in range(1, 5):
            features = torch.cat((features, _leaky_relu(self.get_submodule(f"conv{i}")(features))), dim=1)
        return x + RESIDUAL_SCALE * cast(Tensor, self.conv5(features))


class ResidualInResidualBlock(nn.Module):
    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(num_feat, num_grow_ch)
        self.rdb2 = ResidualDenseBlock(num_feat, num_grow_ch)
        self.rdb3 = ResidualDenseBlock(num_feat, num_grow_ch)

    def forward(self, x: Tensor) -> Tensor:
        return x + RESIDUAL_SCALE * cast(Tensor, self.rdb3(self.rdb2(self.rdb1(x))))


class RRDBNet(nn.Module):
    """The large network. It always enlarges 4x; for a scale of 2 or 1 it pixel-unshuffles its input first."""

    def __init__(self, scale: int = 4, num_feat: int = 64, num_block: int = 23, num_grow_ch: int = 32) -> None:
        super().__init__()
        self.scale = scale
        self.unshuffle = 4 // scale
        self.conv_first = _conv(3 * self.unshuffle**2, num_feat)
        self.body = nn.Sequential(*(ResidualInResidualBlock(num_feat, num_grow_ch) for _ in range(num_block)))
        self.conv_body = _conv(num_feat, num_feat)
        self.conv_up1 = _conv(num_feat, num_feat)
        self.conv_up2 = _conv(num_feat, num_feat)
        self.conv_hr = _conv(num_feat, num_feat)
        self.conv_last = _conv(num_feat, 3)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        padding = (0, -width % self.unshuffle, 0, -height % self.unshuffle)
        x = functional.pad(x, padding, mode="replicate")
        features = self.conv_first(functional.pixel_unshuffle(x, self.unshuffle))
        features = features + self.conv_body(self.body(features))
        for convolution in (self.conv_up1, self.conv_up2):
            features = _leaky_relu(convolution(functional.interpolate(features, scale_factor=2.0, mode="nearest")))
        large = cast(Tensor, self.conv_last(_leaky_relu(self.conv_hr(features))))
        return large[..., : height * self.scale, : width * self.scale]


class SRVGGNetCompact(nn.Module):
    """The small network: convolutions at low resolution, then one pixel shuffle, added to the enlarged input."""

    def __init__(self, num_feat: int = 64, num_conv: int = 16, upscale: int = 4) -> None:
        super().__init__()
        self.scale = upscale
        widths = [3, *[num_feat] * (num_conv + 1)]
        layers = [layer for a, b in pairwise(widths) for layer in (_conv(a, b), nn.PReLU(b))]
        self.body = nn.ModuleList([*layers, _conv(num_feat, 3 * upscale**2)])

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for layer in self.body:
            features = layer(features)
        enlarged = functional.interpolate(x, scale_factor=float(self.scale), mode="nearest")
        return functional.pixel_shuffle(features, self.scale) + enlarged


Upscaler = RRDBNet | SRVGGNetCompact


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.safetensors` or published `.pth` file; code inside the file is not executed."""
    if path.suffix == ".safetensors":
        return dict(load_file(path))
    stored = torch.load(path, map_location="cpu", weights_only=True)
    return dict(next((stored[key] for key in OUTER_KEYS if key in stored), stored))


def build(weights: Mapping[str, Tensor]) -> Upscaler:
    """The network for these weights: in evaluation mode, float32, on the CPU."""
    network: Upscaler
    if "conv_first.weight" in weights:
        network = _build_rrdb(weights)
    elif "body.0.weight" in weights:
        network = _build_compact(weights)
    else:
        raise ValueError("not Real-ESRGAN weights: they contain neither conv_first.weight nor body.0.weight")
    network.load_state_dict(dict(weights))
    return network.eval().requires_grad_(False)


def load(path: Path, softer: Path | None = None, strength: float = 1.0) -> Upscaler:
    """The network in `path`. `strength` below 1 blends its weights with those of `softer`, like upstream's dni_weight:
    less denoising keeps more of the texture, and of the grain."""
    weights = read_weights(path)
    if softer is not None and strength < 1:
        other = read_weights(softer)
        weights = {name: strength * tensor + (1 - strength) * other[name] for name, tensor in weights.items()}
    return build(weights)


def _build_rrdb(weights: Mapping[str, Tensor]) -> RRDBNet:
    num_feat, channels = weights["conv_first.weight"].shape[:2]
    blocks = {name.split(".")[1] for name in weights if name.startswith("body.")}
    num_grow_ch = weights["body.0.rdb1.conv1.weight"].shape[0]
    return RRDBNet(4 // isqrt(channels // 3), num_feat, len(blocks), num_grow_ch)


def _build_compact(weights: Mapping[str, Tensor]) -> SRVGGNetCompact:
    last = max(int(name.split(".")[1]) for name in weights)
    upscale = isqrt(weights[f"body.{last}.weight"].shape[0] // 3)
    return SRVGGNetCompact(weights["body.0.weight"].shape[0], last // 2 - 1, upscale)
