"""FILM's network with random weights, to measure its time: the layers, sizes and 34.4 million parameters of the
published one (Reda et al. 2022), without its names of parameters. Scriptable like the published file.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

# TorchScript reads no constants of the module: the methods repeat them. Images have 7 levels.
FUSED_LEVELS = 5
# Levels with flow layers of their own, from the finest one; the coarser levels share theirs.
OWN_FLOWS = 3
DEPTH = 4


def _conv(inputs: int, outputs: int, size: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.LeakyReLU(0.2))


def _flow(features: int, width: int) -> nn.Sequential:
    """Two sets of features to the flow between them."""
    convolutions = [_conv(2 * features, width), _conv(width, width), _conv(width, width)]
    return nn.Sequential(*convolutions, _conv(width, width // 2, 1), nn.Conv2d(width // 2, 2, 1))


def _warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sample image (B, C, H, W) where flow (B, 2, H, W) points, in pixels."""
    height, width = image.shape[2], image.shape[3]
    ys = torch.arange(height, dtype=image.dtype, device=image.device).reshape(1, height, 1)
    xs = torch.arange(width, dtype=image.dtype, device=image.device).reshape(1, 1, width)
    x = (xs + flow[:, 0] + 0.5) * (2.0 / width) - 1.0
    y = (ys + flow[:, 1] + 0.5) * (2.0 / height) - 1.0
    grid = torch.stack((x, y), dim=-1)
    return functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def _double(flow: Tensor) -> Tensor:
    """The same flow at twice the resolution."""
    return 2.0 * functional.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)


class FilmNet(nn.Module):
    """Frames x0 and x1 (B, 3, H, W) and times (B, 1) to the frames between. Sides are multiples of 64."""

    def __init__(self, filters: int = 64) -> None:
        super().__init__()
        widths = [filters << depth for depth in range(DEPTH)]
        features = [sum(widths[: level + 1]) for level in range(DEPTH)]
        aligned = [2 * (3 + 2 + features[min(level, DEPTH - 1)]) for level in range(FUSED_LEVELS)]
        self.extract = nn.ModuleList(
            nn.Sequential(_conv(inputs, width), _conv(width, width))
            for inputs, width in zip([3, *widths], widths, strict=False)
        )
        self.coarse_flow = _flow(features[OWN_FLOWS], filters << 2)
        self.fine_flows = nn.ModuleList(_flow(features[level], (filters // 2) << level) for level in (2, 1, 0))
        self.halves = nn.ModuleList()
        self.fuse = nn.ModuleList()
        inputs = aligned[-1]
        for level in reversed(range(FUSED_LEVELS - 1)):
            width = widths[level]
            self.halves.append(nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(inputs, width, 2)))
            self.fuse.append(nn.Sequential(_conv(aligned[level] + width, width), _conv(width, width)))
            inputs = width
        self.colours = nn.Conv2d(filters, 3, 1)

    def forward(self, x0: Tensor, x1: Tensor, dt: Tensor) -> Tensor:
        images0, images1 = self.pyramid(x0), self.pyramid(x1)
        features0, features1 = self.features(images0), self.features(images1)
        onward, backward = self.flows(features0, features1), self.flows(features1, features0)
        time = dt.reshape(-1, 1, 1, 1)
        aligned: list[Tensor] = []
        for level in range(5):
            back, on = backward[level] * time, onward[level] * (1.0 - time)
            first = _warp(torch.cat((images0[level], features0[level]), 1), back)
            second = _warp(torch.cat((images1[level], features1[level]), 1), on)
            aligned.append(torch.cat((first, second, back, on), 1))
        net = aligned[4]
        level = 3
        for halve, fuse in zip(self.halves, self.fuse):  # noqa: B905  (TorchScript has no `strict`)
            net = halve(functional.interpolate(net, scale_factor=2.0, mode="nearest"))
            net = fuse(torch.cat((aligned[level], net), 1))
            level -= 1
        return self.colours(net)

    def pyramid(self, image: Tensor) -> list[Tensor]:
        """The image at every level, the finest first."""
        levels = [image]
        for _ in range(6):
            levels.append(functional.avg_pool2d(levels[-1], 2))
        return levels

    def features(self, images: list[Tensor]) -> list[Tensor]:
        """Features of each level: those of its own image, and of the finer images at the same resolution."""
        trees: list[list[Tensor]] = []
        for level, image in enumerate(images):
            tree: list[Tensor] = []
            x = image
            for depth, block in enumerate(self.extract):
                if depth < len(images) - level:
                    if depth > 0:
                        x = functional.avg_pool2d(x, 2)
                    x = block(x)
                    tree.append(x)
            trees.append(tree)
        joined: list[Tensor] = []
        for level in range(len(images)):
            parts: list[Tensor] = []
            for depth in range(min(level + 1, 4)):
                parts.append(trees[level - depth][depth])
            joined.append(torch.cat(parts, 1))
        return joined

    def flows(self, first: list[Tensor], second: list[Tensor]) -> list[Tensor]:
        """The flow of each level, the finest first: estimated at the coarsest one, and corrected at each finer one."""
        flow = self.coarse_flow(torch.cat((first[-1], second[-1]), 1))
        found = [flow]
        for level in range(len(first) - 2, 2, -1):
            flow = _double(flow)
            flow = flow + self.coarse_flow(torch.cat((first[level], _warp(second[level], flow)), 1))
            found.append(flow)
        level = 2
        for predictor in self.fine_flows:
            flow = _double(flow)
            flow = flow + predictor(torch.cat((first[level], _warp(second[level], flow)), 1))
            found.append(flow)
            level -= 1
        found.reverse()
        return found
