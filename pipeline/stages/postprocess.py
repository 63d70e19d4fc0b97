"""Frames to files: the video in its container, a poster, a preview that plays on hover, and the base clip as kept."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import Any, Final

import numpy as np
import torch

from pipeline.clip import Clip, Frames, Output, Piece, Video
from pipeline.errors import StageFailed
from pipeline.spec import Plan, Span
from pipeline.stages import video, webp
from pipeline.stages.tensors import fitted, to_frames, to_numbers

Check = Callable[[], None]

PREVIEW_BYTES: Final = 300_000
PREVIEW_SIDE: Final = 320
PREVIEW_FPS: Final = 8
PREVIEW_SECONDS: Final = 4
CLOCK: Final = 0.011  # seconds: the coarsest clock of a container is GIF's


class Postprocess:
    """Encodes spans one by one, joins them, and keeps base clips. Needs no model and no GPU."""

    def select(self, base: Clip, plan: Plan, span: Span) -> Clip:
        """The span's frames where nothing has to be interpolated."""
        return Clip(base.frames[span.start : span.stop], plan.fps)

    def encode(self, clip: Clip, plan: Plan, span: Span, check: Check) -> Piece:
        """The span's frames as a small file of their own, at exactly the plan's size."""
        frames = clip.frames
        if (clip.width, clip.height) != (plan.width, plan.height):
            frames = np.concatenate([_fitted(frames[i : i + 1], plan) for i in range(len(frames))])
        return Piece(span.index, video.encode(frames, plan.fps, plan.format, check), len(frames))

    def assemble(self, pieces: Sequence[Piece], plan: Plan) -> Video:
        """All files of a finished job; the video is decoded whole and checked before it is handed on."""
        ordered = sorted(pieces, key=lambda piece: piece.index)
        held = [(piece.index, piece.frames) for piece in ordered]
        if held != [(span.index, len(span)) for span in plan.spans]:
            raise StageFailed("postprocess", f"the pieces (number, frames) {held} are not the spans of the plan")
        resolved = recipe(plan)
        outputs = (_video(ordered, plan, resolved), _poster(ordered, plan), _preview(ordered, plan))
        return Video(outputs, resolved, plan.warnings)

    def check(self, data: bytes, output: Output) -> None:
        """Whether a file that was stored and read back is still the one that was made, and plays to its end."""
        if hashlib.sha256(data).hexdigest() != output.sha256:
            raise StageFailed("postprocess", f"the stored {output.kind} is not what was written")
        if output.kind == "video":
            _agree(video.probe(data), output.width, output.height, output.frames, output.duration)

    def lossless(self, base: Clip) -> bytes:
        """The base clip to keep, every bit as it was."""
        return video.keep(base)

    def restore(self, data: bytes) -> Clip:
        """The clip that `lossless` was given."""
        return video.kept(data)


def recipe(plan: Plan) -> dict[str, Any]:
    """What really ran: enough to make the same request again. This is what the file's metadata says, too."""
    said = plan.model_dump(mode="json", exclude={"warnings"})
    return {"software": _software(), **said, "duration_seconds": plan.duration_seconds}


def _software() -> str:
    try:
        return f"AuraAnim {version('auraanim')}"
    except PackageNotFoundError:  # run from a folder that was never installed
        return "AuraAnim"


def _fitted(frames: Frames, plan: Plan) -> Frames:
    with torch.inference_mode():
        return to_frames(fitted(to_numbers(frames, "cpu"), plan.width, plan.height))


def _video(pieces: Sequence[Piece], plan: Plan, resolved: dict[str, Any]) -> Output:
    data = video.join(pieces, plan.fps, plan.format, resolved)
    facts = video.probe(data)
    _agree(facts, plan.width, plan.height, plan.frames, plan.duration_seconds)
    kind = video.CONTENT_TYPES[plan.format]
    return Output("video", kind, data, facts.width, facts.height, float(plan.fps), facts.frames, facts.duration)


def _agree(facts: video.Facts, width: int, height: int, frames: int, duration: float) -> None:
    """What was asked for is what is delivered."""
    exact = (facts.width, facts.height, facts.frames) == (width, height, frames)
    if not exact or abs(facts.duration - duration) > CLOCK:
        raise StageFailed(
            "postprocess", f"the file holds {facts}, not {width}x{height}, {frames} frames and {duration:.3f} s"
        )


def _poster(pieces: Sequence[Piece], plan: Plan) -> Output:
    """The frame in the middle of the video."""
    middle = plan.frames // 2
    span = next(span for span in plan.spans if span.start <= middle < span.stop)
    pictures = video.decode(pieces[span.index].data)
    data = webp.still(next(islice(pictures, middle - span.start, None)))
    return Output("poster", webp.CONTENT_TYPE, data, plan.width, plan.height, 0.0, 1, 0.0)


def _preview(pieces: Sequence[Piece], plan: Plan) -> Output:
    pictures = (picture for piece in pieces for picture in video.decode(piece.data))
    frames = _thinned(pictures, max(1.0, plan.fps / PREVIEW_FPS))
    data = webp.moving(frames, min(PREVIEW_FPS, plan.fps), PREVIEW_BYTES, PREVIEW_SIDE)
    width, height, count, seconds = webp.facts(data)
    rate = count / seconds if seconds else 0.0  # equal frames become one: a video that stands still is a still
    return Output("preview", webp.CONTENT_TYPE, data, width, height, rate, count, seconds)


def _thinned(pictures: Iterable[Frames], stride: float) -> Frames:
    """Every stride-th picture of the first seconds, made small at once: the large ones are never kept."""
    kept: list[Frames] = []
    for number, picture in enumerate(pictures):
        if number >= len(kept) * stride:
            kept.append(webp.small(picture, PREVIEW_SIDE))
        if len(kept) == PREVIEW_SECONDS * PREVIEW_FPS:
            break
    return np.stack(kept)
