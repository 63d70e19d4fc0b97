"""The contents and metadata of files, read back with PyAV instead of the code that wrote them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from pipeline.clip import Clip, EncodedSpan, Frames
from pipeline.contract.errors import Stopped
from pipeline.contract.spec import Format
from pipeline.encoders import video

Bars = Callable[[int, int, int], Frames]
MIDDLES = [(2 * bar + 1) / 20 for bar in range(10)]
VIDEOS = (Format.MP4, Format.WEBM)


def encode(frames: Frames, fps: int, form: Format, recipe: dict[str, Any] | None = None, span: int = 16) -> bytes:
    """The frames as one file, encoded in spans."""
    starts = range(0, len(frames), span)
    parts = [frames[start : start + span] for start in starts]
    spans = [EncodedSpan(i, video.encode(part, fps, form, lambda: None), len(part)) for i, part in enumerate(parts)]
    return video.join(spans, fps, form, recipe or {})


def decode(data: bytes) -> Frames:
    return np.stack(list(video.decode(data)))


@pytest.mark.parametrize("form", VIDEOS)
def test_saturated_colours_are_preserved(form: Format, bars: Bars) -> None:
    frames = bars(5, 320, 180)

    shown = decode(encode(frames, 24, form))

    for middle in MIDDLES:
        column = round(middle * 320)
        wanted, seen = frames[:, :60, column].astype(int), shown[:, :60, column].astype(int)
        assert np.abs(seen - wanted).max() <= 3


@pytest.mark.parametrize("form", VIDEOS)
@pytest.mark.parametrize(
    ("colour", "luma", "blue", "red"),
    [
        ((255, 0, 0), 63, 102, 240),
        ((0, 255, 0), 173, 42, 26),
        ((0, 0, 255), 32, 240, 118),
        ((255, 255, 255), 235, 128, 128),
        ((0, 0, 0), 16, 128, 128),
    ],
)
def test_the_stored_planes_are_bt709(
    form: Format, colour: tuple[int, int, int], luma: int, blue: int, red: int
) -> None:
    frames = np.tile(np.array(colour, np.uint8), (2, 64, 64, 1))

    with av.open(io.BytesIO(encode(frames, 24, form))) as container:
        frame = next(container.decode(video=0))

    planes = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[16, 16] for plane in frame.planes]
    assert planes == pytest.approx([luma, blue, red], abs=2)


@pytest.mark.parametrize("form", VIDEOS)
def test_the_file_is_tagged_bt709_limited_range(form: Format, bars: Bars) -> None:
    with av.open(io.BytesIO(encode(bars(2, 128, 128), 24, form))) as container:
        context = container.streams.video[0].codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert context.pix_fmt == "yuv420p"

    assert [int(tag) for tag in tags] == [1, 1, 1, 1]


@pytest.mark.parametrize("form", VIDEOS)
def test_spans_are_closed_and_in_order(form: Format, bars: Bars) -> None:
    with av.open(io.BytesIO(encode(bars(40, 128, 128), 24, form))) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]

    assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, 16, 32]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
    times = [float(packet.pts * packet.time_base) for packet in packets]
    assert times == pytest.approx([index / 24 for index in range(40)], abs=0.0006)


def test_h264_has_no_b_frames(bars: Bars) -> None:
    with av.open(io.BytesIO(encode(bars(40, 128, 128), 24, Format.MP4))) as container:
        kinds = {PictureType(frame.pict_type).name for frame in container.decode(video=0)}

    assert kinds == {"I", "P"}


@pytest.mark.parametrize("form", list(Format))
def test_no_seam_is_visible_between_spans(form: Format, bars: Bars) -> None:
    frames = bars(40, 160, 96)

    errors = np.abs(decode(encode(frames, 24, form)).astype(int) - frames).mean((1, 2, 3))

    assert errors.max() < 5
    assert errors.max() < errors.mean() + 1


def test_the_index_of_an_mp4_precedes_its_data(bars: Bars) -> None:
    data = encode(bars(20, 128, 128), 24, Format.MP4)

    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("form", list(Format))
def test_the_recipe_is_in_the_file(form: Format, bars: Bars, tmp_path: Path) -> None:
    recipe = {"prompt": 'a "réd" ☂ circle\n; = # \\ ' + "x" * 900, "seed": 4294967295, "guidance_scale": 2.5}

    data = encode(bars(3, 64, 64), 24, form, recipe)

    assert video.read_recipe(data) == recipe
    (tmp_path / "file").write_bytes(data)
    assert video.read_recipe(tmp_path / "file") == recipe


@pytest.mark.parametrize("form", VIDEOS)
def test_a_file_without_recipe_has_an_empty_one(form: Format, bars: Bars) -> None:
    assert video.read_recipe(video.encode(bars(2, 64, 64), 24, form, lambda: None)) == {}


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_a_truncated_file_is_detected(form: Format, cut: float, bars: Bars) -> None:
    data = encode(bars(20, 64, 64), 24, form)

    try:
        frames = video.probe(data[: int(len(data) * cut)]).frames
    except ValueError:
        return
    assert frames < 20


@pytest.mark.parametrize("data", [b"", b"not a video at all", b"\x00" * 1000])
def test_bytes_that_are_not_a_video_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a readable video"):
        video.probe(data)


@pytest.mark.parametrize("form", list(Format))
def test_a_stop_is_checked_between_frames(form: Format, bars: Bars) -> None:
    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        video.encode(bars(16, 64, 64), 24, form, check)

    assert len(checks) == 3


@pytest.mark.parametrize("form", list(Format))
def test_read_only_frames_are_accepted(form: Format, bars: Bars) -> None:
    frames = Clip(bars(2, 64, 64), 8).frames

    assert not frames.flags.writeable
    assert video.probe(video.encode(frames, 24, form, lambda: None)).frames == 2


@pytest.mark.parametrize(("frames", "height", "width", "fps"), [(16, 40, 72, 8), (1, 64, 64, 8), (5, 8, 16, 7.5)])
def test_lossless_encoding_is_exact(
    noise: Callable[..., Clip], frames: int, height: int, width: int, fps: float
) -> None:
    clip = noise(frames, height, width, fps)

    decoded = video.decode_lossless(video.encode_lossless(clip))

    assert np.array_equal(decoded.frames, clip.frames)
    assert decoded.fps == fps


@pytest.mark.parametrize("form", list(Format))
def test_the_same_frames_give_the_same_bytes(form: Format, bars: Bars) -> None:
    """A removed file is recognised by its hash when it is made again."""
    frames = bars(20, 64, 64)

    assert encode(frames, 24, form, {"seed": 7}) == encode(frames, 24, form, {"seed": 7})


def test_the_same_base_clip_gives_the_same_bytes(bars: Bars) -> None:
    clip = Clip(bars(5, 64, 64), 8.0)

    assert video.encode_lossless(clip) == video.encode_lossless(clip)


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize(
    ("seconds", "number"), [(0, 0), (0.11, 0), (0.125, 1), (1.13, 9), (2.4375, 19), (2.499, 19), (99, 19)]
)
def test_the_frame_at_a_time_is_the_one_that_a_player_shows(
    form: Format, seconds: float, number: int, bars: Bars
) -> None:
    """In the second span, too."""
    data = encode(bars(20, 64, 64), 8, form)

    frame = video.frame_at(data, seconds, lambda: None)

    assert np.array_equal(frame, decode(data)[number])


def test_reading_a_frame_can_be_stopped(bars: Bars) -> None:
    def check() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        video.frame_at(encode(bars(4, 64, 64), 8, Format.MP4), 0, check)
