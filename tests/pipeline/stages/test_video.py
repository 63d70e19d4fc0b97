"""What a file says of itself and how it looks, read back with PyAV: nothing here believes the code that wrote it."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from pipeline.clip import Clip, Frames, Piece
from pipeline.errors import Stopped
from pipeline.spec import Format
from pipeline.stages import video

Bars = Callable[[int, int, int], Frames]
MIDDLES = [(2 * bar + 1) / 20 for bar in range(10)]
VIDEOS = (Format.MP4, Format.WEBM)


def made(frames: Frames, fps: int, form: Format, recipe: dict[str, Any] | None = None, span: int = 16) -> bytes:
    """The frames as a file, in spans."""
    starts = range(0, len(frames), span)
    parts = [frames[start : start + span] for start in starts]
    pieces = [Piece(i, video.encode(part, fps, form, lambda: None), len(part)) for i, part in enumerate(parts)]
    return video.join(pieces, fps, form, recipe or {})


def decoded(data: bytes) -> Frames:
    return np.stack(list(video.decode(data)))


@pytest.mark.parametrize("form", VIDEOS)
def test_saturated_colours_survive(form: Format, bars: Bars) -> None:
    frames = bars(5, 320, 180)

    shown = decoded(made(frames, 24, form))

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
def test_the_stored_numbers_are_those_of_bt709(
    form: Format, colour: tuple[int, int, int], luma: int, blue: int, red: int
) -> None:
    frames = np.tile(np.array(colour, np.uint8), (2, 64, 64, 1))

    with av.open(io.BytesIO(made(frames, 24, form))) as container:
        frame = next(container.decode(video=0))

    planes = [np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[16, 16] for plane in frame.planes]
    assert planes == pytest.approx([luma, blue, red], abs=2)


@pytest.mark.parametrize("form", VIDEOS)
def test_the_file_is_tagged_bt709_limited(form: Format, bars: Bars) -> None:
    with av.open(io.BytesIO(made(bars(2, 128, 128), 24, form))) as container:
        context = container.streams.video[0].codec_context
        tags = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        assert context.pix_fmt == "yuv420p"

    assert [int(tag) for tag in tags] == [1, 1, 1, 1]


@pytest.mark.parametrize("form", VIDEOS)
def test_spans_are_closed_and_in_order(form: Format, bars: Bars) -> None:
    with av.open(io.BytesIO(made(bars(40, 128, 128), 24, form))) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]

    assert [number for number, packet in enumerate(packets) if packet.is_keyframe] == [0, 16, 32]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
    times = [float(packet.pts * packet.time_base) for packet in packets]
    assert times == pytest.approx([number / 24 for number in range(40)], abs=0.0006)


def test_h264_has_no_frames_that_look_ahead(bars: Bars) -> None:
    with av.open(io.BytesIO(made(bars(40, 128, 128), 24, Format.MP4))) as container:
        kinds = {PictureType(frame.pict_type).name for frame in container.decode(video=0)}

    assert kinds == {"I", "P"}


@pytest.mark.parametrize("form", list(Format))
def test_no_seam_shows_between_spans(form: Format, bars: Bars) -> None:
    frames = bars(40, 160, 96)

    errors = np.abs(decoded(made(frames, 24, form)).astype(int) - frames).mean((1, 2, 3))

    assert errors.max() < 5
    assert errors.max() < errors.mean() + 1


def test_the_index_of_an_mp4_comes_first(bars: Bars) -> None:
    data = made(bars(20, 128, 128), 24, Format.MP4)

    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("form", list(Format))
def test_the_recipe_is_in_the_file(form: Format, bars: Bars, tmp_path: Path) -> None:
    recipe = {"prompt": 'a "réd" ☂ circle\n; = # \\ ' + "x" * 900, "seed": 4294967295, "guidance_scale": 2.5}

    data = made(bars(3, 64, 64), 24, form, recipe)

    assert video.read_recipe(data) == recipe
    (tmp_path / "file").write_bytes(data)
    assert video.read_recipe(tmp_path / "file") == recipe


@pytest.mark.parametrize("form", VIDEOS)
def test_files_of_others_have_no_recipe(form: Format, bars: Bars) -> None:
    assert video.read_recipe(video.encode(bars(2, 64, 64), 24, form, lambda: None)) == {}


@pytest.mark.parametrize("form", list(Format))
@pytest.mark.parametrize("cut", [0.5, 0.9])
def test_half_a_file_is_not_taken_for_a_whole(form: Format, cut: float, bars: Bars) -> None:
    data = made(bars(20, 64, 64), 24, form)

    try:
        frames = video.probe(data[: int(len(data) * cut)]).frames
    except ValueError:
        return
    assert frames < 20


@pytest.mark.parametrize("data", [b"", b"not a video at all", b"\x00" * 1000])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a readable video"):
        video.probe(data)


@pytest.mark.parametrize("form", list(Format))
def test_a_stop_is_heard_between_frames(form: Format, bars: Bars) -> None:
    checks: list[int] = []

    def check() -> None:
        checks.append(1)
        if len(checks) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        video.encode(bars(16, 64, 64), 24, form, check)

    assert len(checks) == 3


@pytest.mark.parametrize("form", list(Format))
def test_read_only_frames_are_taken(form: Format, bars: Bars) -> None:
    frames = Clip(bars(2, 64, 64), 8).frames

    assert not frames.flags.writeable
    assert video.probe(video.encode(frames, 24, form, lambda: None)).frames == 2


@pytest.mark.parametrize(("frames", "height", "width", "fps"), [(16, 40, 72, 8), (1, 64, 64, 8), (5, 8, 16, 7.5)])
def test_a_kept_clip_comes_back_bit_by_bit(
    noise: Callable[..., Clip], frames: int, height: int, width: int, fps: float
) -> None:
    clip = noise(frames, height, width, fps)

    back = video.kept(video.keep(clip))

    assert np.array_equal(back.frames, clip.frames)
    assert back.fps == fps
