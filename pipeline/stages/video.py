"""MP4 and WebM files: spans encoded apart, joined without encoding again, and read back.

Every span is one closed group of pictures without B-frames, so joining means renumbering the packets. Colour is BT.709,
limited range, and tagged so: an untagged file is shown in other colours by every second player.
"""

import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from pipeline.clip import Clip, Frames, Piece
from pipeline.spec import SPAN_FRAMES, Format
from pipeline.stages import gif

CONTENT_TYPES: Final[Mapping[Format, str]] = {
    Format.MP4: "video/mp4",
    Format.WEBM: "video/webm",
    Format.GIF: "image/gif",
}
CODECS: Final[Mapping[Format, tuple[str, dict[str, str]]]] = {
    Format.MP4: ("libx264", {"preset": "veryfast", "crf": "18", "x264-params": "open-gop=0:scenecut=0:bframes=0"}),
    Format.WEBM: (
        "libvpx-vp9",
        {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"},
    ),
}
SCALING: Final = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True, slots=True)
class Facts:
    """What a reader finds in a file after decoding all of it."""

    width: int
    height: int
    fps: float
    frames: int
    duration: float


def encode(frames: Frames, fps: int, form: Format, check: Callable[[], None]) -> bytes:
    """Frames (T, H, W, 3) as a small file of their own."""
    if form is Format.GIF:
        return gif.encode(frames, fps, check)
    codec, options = CODECS[form]
    file = io.BytesIO()
    with av.open(file, "w", format=form.value) as container:
        stream: Any = container.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = SPAN_FRAMES
        _tag(stream.codec_context)
        for picture in frames:
            check()
            container.mux(stream.encode(_limited(picture)))
        container.mux(stream.encode())
    return file.getvalue()


def join(pieces: Iterable[Piece], fps: int, form: Format, recipe: Mapping[str, Any]) -> bytes:
    """One file out of all the pieces, with the recipe in its metadata. MP4: the index comes first."""
    comment = json.dumps(recipe, ensure_ascii=False, separators=(",", ":"))
    if form is Format.GIF:
        return gif.join([piece.data for piece in pieces], fps, comment)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"video.{form.value}"
        options = {"movflags": "+faststart"} if form is Format.MP4 else {}
        with av.open(str(path), "w", format=form.value, container_options=options) as container:
            container.metadata["comment"] = comment
            _renumbered(container, pieces, fps)
        return path.read_bytes()


def _renumbered(container: Any, pieces: Iterable[Piece], fps: int) -> None:
    stream: Any = None
    number = 0
    for piece in pieces:
        with av.open(io.BytesIO(piece.data), "r") as source:
            track = source.streams.video[0]
            if stream is None:
                stream = container.add_stream_from_template(track)
                stream.time_base = Fraction(1, fps)
            for packet in source.demux(track):
                if packet.size:
                    packet.stream, packet.time_base = stream, Fraction(1, fps)
                    packet.pts = packet.dts = number
                    packet.duration = 1
                    container.mux(packet)
                    number += 1


def decode(data: bytes) -> Iterator[Frames]:
    """Every picture of a file as uint8 RGB (H, W, 3)."""
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            yield _rgb(frame)


def probe(data: bytes | Path) -> Facts:
    """Decodes the whole file and counts. Raises ValueError for a file that cannot be read to its end."""
    try:
        with av.open(str(data) if isinstance(data, Path) else io.BytesIO(data)) as container:
            return _facts(container)
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"not a readable video: {error}") from error


def _facts(container: Any) -> Facts:
    stream = container.streams.video[0]
    frames = sum(1 for _ in container.decode(stream))
    rate = float(stream.average_rate or 0)
    if stream.duration is not None:
        duration = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        duration = container.duration / 1_000_000
    else:
        duration = 0.0
    if container.format.name == "gif" and duration:
        rate = frames / duration
    return Facts(stream.width, stream.height, rate, frames, duration)


def read_recipe(source: bytes | Path) -> dict[str, Any]:
    """How a file was made, as its metadata says; empty for files that do not say."""
    data = source.read_bytes() if isinstance(source, Path) else source
    if gif.is_gif(data):
        comment = gif.comment(data)
    else:
        with av.open(io.BytesIO(data), "r") as container:
            known = {key.lower(): value for key, value in container.metadata.items()}
        comment = known.get("comment", "")
    return dict(json.loads(comment)) if comment.startswith("{") else {}


def keep(clip: Clip) -> bytes:
    """A clip as FFV1 in Matroska: every bit as it was, at about half the size."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream: Any = container.add_stream("ffv1", rate=Fraction(clip.fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "bgr0"
        for picture in clip.frames:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="bgr0")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def kept(data: bytes) -> Clip:
    """The clip that `keep` was given."""
    with av.open(io.BytesIO(data), "r") as container:
        rate = container.streams.video[0].average_rate
        pictures = [frame.reformat(format="rgb24").to_ndarray() for frame in container.decode(video=0)]
    if not pictures or rate is None:
        raise ValueError("there is no clip in this file")
    return Clip(np.stack(pictures), float(rate))


def _limited(picture: Frames) -> Any:
    """RGB (H, W, 3) to a BT.709 frame of limited range."""
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        dst_color_trc=ColorTrc.BT709,
        dst_color_primaries=ColorPrimaries.BT709,
        interpolation=SCALING,
    )
    frame.pts = None
    return frame


def _rgb(frame: Any) -> Frames:
    converted = frame.reformat(format="rgb24", dst_color_range=ColorRange.JPEG, interpolation=SCALING)
    picture: Frames = converted.to_ndarray()
    return picture


def _tag(context: Any) -> None:
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
