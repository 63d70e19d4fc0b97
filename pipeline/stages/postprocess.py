"""Frames to files: the video, a poster, a preview, a sprite sheet, and the base clip for a later attempt."""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from pipeline.clip import Clip, EncodedSpan, Frames, Output, Video
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.contract.plan import Plan, Span, image_hash
from pipeline.contract.version import VERSION
from pipeline.encoders import h264, video, webp
from pipeline.generators import images
from pipeline.models.tensors import crop_and_resize, to_frames, to_tensor

PREVIEW_BYTES: Final = 300_000
PREVIEW_SIDE: Final = 320
PREVIEW_FPS: Final = 8
PREVIEW_SECONDS: Final = 4
# A sprite sheet: frames spread over the whole video, in rows, the first at the top left.
SPRITES: Final = 16
SPRITE_COLUMNS: Final = 4
SPRITE_SIDE: Final = 160
# What of a recipe is written into the file on request only: a video can be shared without its prompt.
WORDS: Final = frozenset({"prompt", "negative_prompt", "original_prompt", "prompt_travel", "image"})
# Seconds. GIF has the coarsest clock of the containers: hundredths of a second.
CLOCK_TOLERANCE: Final = 0.011


class Postprocess:
    """Encodes spans, joins them, and encodes base clips without loss. Needs no model and no GPU.

    With `has_card` the process has a share of a GPU, whose encoder is used for MP4 if there is one.
    """

    def __init__(self, has_card: bool = False) -> None:
        self._h264 = h264.choose(has_card)

    def select(self, base: Clip, plan: Plan, span: Span) -> Clip:
        """The span's frames if nothing is interpolated."""
        return Clip(base.frames[span.start : span.stop], plan.fps)

    def encode(self, clip: Clip, plan: Plan, span: Span, check: CheckStopped) -> EncodedSpan:
        """The span's frames at the plan's size as one file, and its part of the poster, the preview and the sprites.

        They are made here, where the frames are: the spans are encoded side by side, and nothing is decoded again.
        """
        frames = clip.frames
        if len(frames) != len(span):
            raise StageFailed("postprocess", f"span {span.index} has {len(frames)} frames, not {len(span)}")
        if (clip.width, clip.height) != (plan.width, plan.height):
            # One frame at a time: a float tensor of the whole span would need many times its memory.
            frames = np.concatenate([_resize(frames[i : i + 1], plan) for i in range(len(frames))])
        data = video.encode(frames, plan.fps, plan.format, check, self._h264)
        middle = plan.frames // 2
        poster = webp.encode_still(frames[middle - span.start]) if span.start <= middle < span.stop else b""
        preview = _shrunk(frames, span, preview_numbers(plan), PREVIEW_SIDE)
        sprites = _shrunk(frames, span, webp.spread(plan.frames, SPRITES), SPRITE_SIDE)
        return EncodedSpan(span.index, data, len(frames), poster, preview, sprites)

    def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video:
        """All files of a finished job. The video is decoded completely and checked."""
        ordered = sorted(spans, key=lambda span: span.index)
        received = [(span.index, span.frames) for span in ordered]
        if received != [(span.index, len(span)) for span in plan.spans]:
            raise StageFailed(
                "postprocess", f"the encoded spans (index, frames) {received} are not the spans of the plan"
            )
        resolved = recipe(plan)
        outputs = (
            _create_video(ordered, plan, resolved),
            _create_poster(ordered, plan),
            _create_preview(ordered, plan),
            _create_sprite_sheet(ordered),
        )
        return Video(outputs, resolved, plan.warnings)

    def verify(self, data: bytes, output: Output) -> None:
        """Check that a file read back from the store is unchanged and can be decoded to its end."""
        if hashlib.sha256(data).hexdigest() != output.sha256:
            raise StageFailed("postprocess", f"the stored {output.kind} differs from the written bytes")
        if output.kind == "video":
            _check_facts(video.probe(data), output.width, output.height, output.frames, output.duration)

    def frame(self, data: bytes, sha256: str, at: float, width: int, height: int, check: CheckStopped) -> str:
        """The frame that a stored video shows at `at` seconds, filling width x height, as a PNG in base64."""
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StageFailed("postprocess", "the stored video of image_from is damaged")
        return images.encode(images.fill(Image.fromarray(video.frame_at(data, at, check)), width, height))

    def encode_base(self, base: Clip) -> bytes:
        """The base clip as a lossless file."""
        return video.encode_lossless(base)

    def decode_base(self, data: bytes) -> Clip:
        """The inverse of `encode_base`."""
        return video.decode_lossless(data)


def recipe(plan: Plan) -> dict[str, Any]:
    """The resolved values of the request, from which it can be repeated. The file has its words on request."""
    values = plan.model_dump(mode="json", exclude={"warnings"})
    values["image"] = image_hash(plan.image)
    return {"software": f"AuraAnim {VERSION}", **values, "duration_seconds": plan.duration_seconds}


def _shrunk(frames: Frames, span: Span, numbers: Iterable[int], max_side: int) -> tuple[Frames, ...]:
    """Those of the numbered frames of the video that are in the span, with no side longer than `max_side`."""
    return tuple(webp.shrink(frames[n - span.start], max_side) for n in numbers if span.start <= n < span.stop)


def _resize(frames: Frames, plan: Plan) -> Frames:
    with torch.inference_mode():
        return to_frames(crop_and_resize(to_tensor(frames, "cpu"), plan.width, plan.height))


def _create_video(spans: Sequence[EncodedSpan], plan: Plan, resolved: dict[str, Any]) -> Output:
    metadata = {name: value for name, value in resolved.items() if plan.embed_prompt or name not in WORDS}
    data = video.join(spans, plan.fps, plan.format, metadata)
    facts = video.probe(data)
    _check_facts(facts, plan.width, plan.height, plan.frames, plan.duration_seconds)
    content_type = video.CONTENT_TYPES[plan.format]
    return Output("video", content_type, data, facts.width, facts.height, float(plan.fps), facts.frames, facts.duration)


def _check_facts(facts: video.Facts, width: int, height: int, frames: int, duration: float) -> None:
    """Raise StageFailed if the file differs from the request."""
    exact = (facts.width, facts.height, facts.frames) == (width, height, frames)
    if not exact or abs(facts.duration - duration) > CLOCK_TOLERANCE:
        raise StageFailed(
            "postprocess", f"the file holds {facts}, not {width}x{height}, {frames} frames and {duration:.3f} s"
        )


def _create_poster(spans: Sequence[EncodedSpan], plan: Plan) -> Output:
    """The middle frame of the video."""
    data = next(span.poster for span in spans if span.poster)
    return Output("poster", webp.CONTENT_TYPE, data, plan.width, plan.height, 0.0, 1, 0.0)


def _create_preview(spans: Sequence[EncodedSpan], plan: Plan) -> Output:
    frames = np.stack([frame for span in spans for frame in span.preview])
    data = webp.encode_animation(frames, min(PREVIEW_FPS, plan.fps), PREVIEW_BYTES, PREVIEW_SIDE)
    width, height, count, seconds = webp.probe(data)
    # WebP merges equal frames, so the preview of a motionless video has one frame and no duration.
    fps = count / seconds if seconds else 0.0
    return Output("preview", webp.CONTENT_TYPE, data, width, height, fps, count, seconds)


def preview_numbers(plan: Plan) -> list[int]:
    """The frames of the first seconds that the preview shows."""
    stride = max(1.0, plan.fps / PREVIEW_FPS)
    numbers = (math.ceil(shown * stride) for shown in range(PREVIEW_SECONDS * PREVIEW_FPS))
    return [number for number in numbers if number < plan.frames]


def _create_sprite_sheet(spans: Sequence[EncodedSpan]) -> Output:
    sprites = np.stack([sprite for span in spans for sprite in span.sprites])
    data = webp.encode_still(webp.grid(sprites, SPRITE_COLUMNS))
    width, height, _, _ = webp.probe(data)
    return Output("spritesheet", webp.CONTENT_TYPE, data, width, height, 0.0, len(sprites), 0.0)
