"""Previews of a run: a few small frames of its latents as an animated WebP."""

import math
from typing import Final

from pipeline.clip import Frames
from pipeline.contract.plan import Plan
from pipeline.encoders import webp

# Previews per run, without the one of the last step.
PREVIEWS: Final = 6
PREVIEW_FRAMES: Final = 8
PREVIEW_BYTES: Final = 64_000
PREVIEW_SIDE: Final = 256


def choose_frames(count: int) -> list[int]:
    """The indexes of the frames of a preview."""
    return list(webp.spread(count, PREVIEW_FRAMES))


def used_frames(plan: Plan) -> int:
    """The number of drawn frames that become the video: some models draw more."""
    return min(plan.base_frames, plan.frames_to_draw)


def used_latents(count: int, plan: Plan) -> int:
    """How many of `count` latent frames the used frames lie in. The first one may stand for a single frame."""
    if plan.frames_to_draw == 1:
        return count
    return 1 + math.ceil((used_frames(plan) - 1) * (count - 1) / (plan.frames_to_draw - 1))


def encode(frames: Frames, fps: float) -> bytes:
    return webp.encode_animation(frames, fps, PREVIEW_BYTES, PREVIEW_SIDE)
