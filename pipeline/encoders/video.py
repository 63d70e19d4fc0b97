"""MP4 and WebM: encodes spans separately, joins them without re-encoding, and reads files back.

Every span is one closed GOP without B-frames, so joining only renumbers the packets. Colour is BT.709, limited range,
and tagged as such: players disagree about the colours of untagged files.
"""

import io
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation

from pipeline.clip import Clip, EncodedSpan, Frames
from pipeline.contract.errors import CheckStopped, StageFailed
from pipeline.contract.plan import SPAN_FRAMES
from pipeline.contract.spec import Format
from pipeline.encoders import gif
from pipeline.encoders.h264 import X264, Encoder

CONTENT_TYPES: Final[Mapping[Format, str]] = {
    Format.MP4: "video/mp4",
    Format.WEBM: "video/webm",
    Format.GIF: "image/gif",
}
VP9: Final = Encoder(
    "libvpx-vp9", {"crf": "24", "b": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "auto-alt-ref": "0"}
)
# Matroska and WebM files have a random id otherwise: the same frames shall be the same bytes, because removed files are
# recognised by their hash.
REPEATABLE: Final = {"fflags": "+bitexact"}
# Seconds. Containers round times to their clock, and clients send the rounded time of a frame.
TIME_TOLERANCE: Final = 0.001
SCALING: Final = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT


@dataclass(frozen=True, slots=True)
class Facts:
    """The properties of a file, counted by decoding all of it."""

    width: int
    height: int
    fps: float
    frames: int
    duration: float


def encode(frames: Frames, fps: int, file_format: Format, check: CheckStopped, h264: Encoder = X264) -> bytes:
    """Frames (T, H, W, 3) of one span as a file."""
    if file_format is Format.GIF:
        return gif.encode(frames, fps, check)
    encoder = h264 if file_format is Format.MP4 else VP9
    file = io.BytesIO()
    with av.open(file, "w", format=file_format.value) as container:
        stream: Any = container.add_stream(encoder.name, rate=fps, options=dict(encoder.options))
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.gop_size = SPAN_FRAMES
        _tag_bt709(stream.codec_context)
        for frame in frames:
            check()
            container.mux(stream.encode(_to_bt709(frame)))
        container.mux(stream.encode())
    return file.getvalue()


def join(spans: Iterable[EncodedSpan], fps: int, file_format: Format, recipe: Mapping[str, Any]) -> bytes:
    """All spans as one file, with the recipe in its metadata. In MP4 the index precedes the data (faststart)."""
    comment = json.dumps(recipe, ensure_ascii=False, separators=(",", ":"))
    if file_format is Format.GIF:
        return gif.join([span.data for span in spans], fps, comment)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / f"video.{file_format.value}"
        options = {"movflags": "+faststart"} if file_format is Format.MP4 else REPEATABLE
        with av.open(str(path), "w", format=file_format.value, container_options=options) as container:
            container.metadata["comment"] = comment
            _mux_renumbered(container, spans, fps)
        return path.read_bytes()


def _mux_renumbered(container: Any, spans: Iterable[EncodedSpan], fps: int) -> None:
    stream: Any = None
    first_header: bytes | None = None
    number = 0
    for span in spans:
        with av.open(io.BytesIO(span.data), "r") as source:
            track = source.streams.video[0]
            header = track.codec_context.extradata
            if stream is None:
                stream, first_header = container.add_stream_from_template(track), header
                stream.time_base = Fraction(1, fps)
            if header != first_header:
                # One header is for the whole file: frames of another encoder would not be decoded.
                raise StageFailed("postprocess", "the spans were encoded by different encoders")
            for packet in source.demux(track):
                if packet.size:
                    packet.stream, packet.time_base = stream, Fraction(1, fps)
                    packet.pts = packet.dts = number
                    packet.duration = 1
                    container.mux(packet)
                    number += 1


def decode(data: bytes) -> Iterator[Frames]:
    """Every frame of a file as uint8 RGB (H, W, 3)."""
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            yield _to_rgb(frame)


def frame_at(data: bytes, seconds: float, check: CheckStopped) -> Frames:
    """The frame that a file shows at this time as uint8 RGB (H, W, 3); after its end, the last one.

    The file is decoded from its start, which every container allows. The service bounds the pixels of a video.
    """
    shown: Any = None
    with av.open(io.BytesIO(data), "r") as container:
        for frame in container.decode(video=0):
            check()
            if shown is not None and frame.time > seconds + TIME_TOLERANCE:
                break
            shown = frame
        if shown is None:
            raise ValueError("the file contains no frame")
        return _to_rgb(shown)


def probe(data: bytes | Path) -> Facts:
    """Decode the whole file. Raises ValueError if it cannot be decoded to its end."""
    try:
        with av.open(str(data) if isinstance(data, Path) else io.BytesIO(data)) as container:
            return _read_facts(container)
    except (av.FFmpegError, IndexError) as error:
        raise ValueError(f"not a readable video: {error}") from error


def _read_facts(container: Any) -> Facts:
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
    """The recipe in the metadata of a file; empty if it has none."""
    data = source.read_bytes() if isinstance(source, Path) else source
    if gif.is_gif(data):
        comment = gif.comment(data)
    else:
        with av.open(io.BytesIO(data), "r") as container:
            metadata = {key.lower(): value for key, value in container.metadata.items()}
        comment = metadata.get("comment", "")
    return dict(json.loads(comment)) if comment.startswith("{") else {}


def encode_lossless(clip: Clip) -> bytes:
    """A clip as FFV1 in Matroska: lossless, at about half the size."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska", container_options=REPEATABLE) as container:
        stream: Any = container.add_stream("ffv1", rate=Fraction(clip.fps).limit_denominator(1000))
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, "bgr0"
        for frame in clip.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="bgr0")))
        container.mux(stream.encode())
    return file.getvalue()


def decode_lossless(data: bytes) -> Clip:
    """The inverse of `encode_lossless`."""
    with av.open(io.BytesIO(data), "r") as container:
        rate = container.streams.video[0].average_rate
        frames = [frame.reformat(format="rgb24").to_ndarray() for frame in container.decode(video=0)]
    if not frames or rate is None:
        raise ValueError("the file contains no clip")
    return Clip(np.stack(frames), float(rate))


def _to_bt709(frame: Frames) -> Any:
    """RGB (H, W, 3) to a BT.709 frame in limited range."""
    converted = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(
        format="yuv420p",
        src_color_range=ColorRange.JPEG,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        dst_color_trc=ColorTrc.BT709,
        dst_color_primaries=ColorPrimaries.BT709,
        interpolation=SCALING,
    )
    converted.pts = None
    return converted


def _to_rgb(frame: Any) -> Frames:
    converted = frame.reformat(format="rgb24", dst_color_range=ColorRange.JPEG, interpolation=SCALING)
    rgb: Frames = converted.to_ndarray()
    return rgb


def _tag_bt709(context: Any) -> None:
    context.color_range = ColorRange.MPEG
    context.colorspace = Colorspace.ITU709
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
