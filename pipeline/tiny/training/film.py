"""A small frame interpolator with the interface of FILM: model(x0, x1, dt) for any time between two frames."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    first, second = nn.Conv2d(inputs, outputs, 3, stride, 1), nn.Conv2d(outputs, outputs, 3, 1, 1)
    return nn.Sequential(first, nn.PReLU(outputs), second, nn.PReLU(outputs))


def _head(inputs: int, width: int, outputs: int) -> nn.Sequential:
    """Initialised near zero: no flow, no residual."""
    last = nn.Conv2d(width, outputs, 3, 1, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.constant_(last.bias, 0.0)  # type: ignore[arg-type]
    return nn.Sequential(_block(inputs, width), last)


class TinyFilm(nn.Module):
    """Features at 1/2, 1/4 and 1/8; two flows from the requested time to both frames, refined from coarse to fine;
    a mask that blends the two warped frames; a residual. All tensors are NCHW float32 with colours in 0..1.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine_features = _block(3, 24, 2)
        self.middle_features = _block(24, 48, 2)
        self.coarse_features = _block(48, 64, 2)
        self.flow_eighth = _head(2 * 64 + 1, 48, 4)
        self.flow_quarter = _head(2 * 48 + 1 + 4, 48, 4)
        self.flow_half = _head(2 * 24 + 1 + 4, 40, 4 + 1)
        self.blend = _head(2 * 3 + 2 + 6, 16, 1 + 3)

    def forward(self, x0: Tensor, x1: Tensor, dt: Tensor) -> Tensor:
        """Frames (B, 3, H, W) and times (B, 1) in 0..1 to the frames between (B, 3, H, W)."""
        height, width = x0.shape[-2], x0.shape[-1]
        pad = [0, (8 - width % 8) % 8, 0, (8 - height % 8) % 8]
        x0, x1 = functional.pad(x0, pad, mode="replicate"), functional.pad(x1, pad, mode="replicate")
        a1, b1 = self.fine_features(x0), self.fine_features(x1)
        a2, b2 = self.middle_features(a1), self.middle_features(b1)
        a3, b3 = self.coarse_features(a2), self.coarse_features(b2)
        flow = self.flow_eighth(torch.cat((a3, b3, self._time(dt, a3)), 1))
        flow = self._double(flow)
        flow = flow + self.flow_quarter(self._pair(a2, b2, flow, dt))
        flow = self._double(flow)
        fine = self.flow_half(self._pair(a1, b1, flow, dt))
        flow = self._double(flow + fine[:, :4])
        mask_logit = functional.interpolate(fine[:, 4:], scale_factor=2.0, mode="bilinear", align_corners=False)
        w0, w1 = self._warp(x0, flow[:, :2]), self._warp(x1, flow[:, 2:])
        last = self.blend(torch.cat((w0, w1, mask_logit, self._time(dt, x0), x0 - w0, x1 - w1), 1))
        # Initially a cross-fade: the frame closer in time has the larger weight.
        t = dt.reshape(-1, 1, 1, 1).clamp(0.001, 0.999)
        share = torch.sigmoid(mask_logit + last[:, :1] + torch.log((1.0 - t) / t))
        between = share * w0 + (1.0 - share) * w1 + last[:, 1:]
        return between[:, :, :height, :width].clamp(0.0, 1.0)

    def _time(self, dt: Tensor, like: Tensor) -> Tensor:
        return dt.reshape(-1, 1, 1, 1).to(like.dtype).expand(like.shape[0], 1, like.shape[2], like.shape[3])

    def _pair(self, a: Tensor, b: Tensor, flow: Tensor, dt: Tensor) -> Tensor:
        return torch.cat((self._warp(a, flow[:, :2]), self._warp(b, flow[:, 2:]), self._time(dt, a), flow), 1)

    def _double(self, flow: Tensor) -> Tensor:
        """The same flow at twice the resolution."""
        return 2.0 * functional.interpolate(flow, scale_factor=2.0, mode="bilinear", align_corners=False)

    def _warp(self, image: Tensor, flow: Tensor) -> Tensor:
        """Sample image (B, C, H, W) where flow (B, 2, H, W) points, in pixels."""
        height, width = image.shape[2], image.shape[3]
        ys = torch.arange(height, dtype=image.dtype, device=image.device).reshape(1, height, 1)
        xs = torch.arange(width, dtype=image.dtype, device=image.device).reshape(1, 1, width)
        x = (xs + flow[:, 0] + 0.5) * (2.0 / width) - 1.0
        y = (ys + flow[:, 1] + 0.5) * (2.0 / height) - 1.0
        grid = torch.stack((x, y), dim=-1)
        return functional.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
