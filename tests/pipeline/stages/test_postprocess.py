import io
from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline.clip import Clip, Frames, Output, Piece, Video
from pipeline.errors import StageFailed
from pipeline.spec import Plan
from pipeline.stages import video, webp
from pipeline.stages.postprocess import Postprocess

Plans = Callable[..., Plan]
Bars = Callable[[int, int, int], Frames]

TABLE = (
    (256, 256, 24, 1, "mp4"),
    (256, 256, 8, 2, "webm"),
    (512, 512, 30, 1.5, "mp4"),
    (512, 512, 24, 1, "webm"),
    (640, 360, 30, 3, "webm"),
    (640, 360, 60, 1, "mp4"),
    (360, 640, 8, 4, "mp4"),
    (360, 640, 24, 4, "webm"),
    (512, 288, 25, 2.04, "mp4"),
    (320, 180, 50, 1, "gif"),
    (256, 256, 24, 2, "gif"),
    (180, 320, 30, 0.5, "gif"),
    (66, 64, 8, 0.5, "gif"),
    (1024, 1024, 24, 1, "mp4"),
    (1024, 576, 8, 1, "webm"),
)


@pytest.fixture
def postprocess() -> Postprocess:
    return Postprocess()


@pytest.fixture
def film(postprocess: Postprocess, plan: Plans, bars: Bars, go_on: Callable[[], None]) -> Callable[..., Video]:
    def made(asked: Plan) -> Video:
        frames = bars(asked.frames, asked.width, asked.height)
        clips = [(Clip(frames[span.start : span.stop], asked.fps), span) for span in asked.spans]
        pieces = [postprocess.encode(clip, asked, span, go_on) for clip, span in clips]
        return postprocess.assemble(pieces, asked)

    return made


def kind(made: Video, name: str) -> Output:
    return next(output for output in made.outputs if output.kind == name)


@pytest.mark.parametrize(("width", "height", "fps", "seconds", "form"), TABLE)
def test_what_is_asked_for_is_delivered(
    film: Callable[..., Video], plan: Plans, width: int, height: int, fps: int, seconds: float, form: str
) -> None:
    frames = round(seconds * fps)

    output = kind(film(plan(width=width, height=height, fps=fps, frames=frames, format=form)), "video")

    with av.open(io.BytesIO(output.data)) as container:
        stream = container.streams.video[0]
        read = (stream.width, stream.height, sum(1 for _ in container.decode(stream)))
        duration = container.duration / 1_000_000
        rate = frames / duration if form == "gif" else float(stream.average_rate)  # GIF has delays, and no rate
    assert read == (width, height, frames)
    assert duration == pytest.approx(frames / fps, abs=0.011)
    assert rate == pytest.approx(fps, rel=0.03 if form == "gif" else 1e-6)
    assert (output.width, output.height, output.frames, output.fps) == (width, height, frames, fps)
    assert output.duration == pytest.approx(duration, abs=0.001)


def test_the_three_files_of_a_job(film: Callable[..., Video], plan: Plans) -> None:
    made = film(plan(width=640, height=360, warnings=("so",)))

    assert [(output.kind, output.content_type) for output in made.outputs] == [
        ("video", "video/mp4"), ("poster", "image/webp"), ("preview", "image/webp"),
    ]  # fmt: skip
    poster, preview = kind(made, "poster"), kind(made, "preview")
    assert webp.facts(poster.data)[:3] == (poster.width, poster.height, poster.frames) == (640, 360, 1)
    assert webp.facts(preview.data)[:3] == (preview.width, preview.height, preview.frames) == (320, 180, 16)
    assert len(preview.data) <= 300_000
    assert made.warnings == ("so",)


def test_the_poster_is_the_frame_in_the_middle(film: Callable[..., Video], plan: Plans, bars: Bars) -> None:
    asked = plan(width=128, height=96, frames=40)

    poster = kind(film(asked), "poster")

    shown = np.asarray(webp.Image.open(io.BytesIO(poster.data))).astype(int)
    errors = [np.abs(shown - frame).mean() for frame in bars(40, 128, 96)]
    assert int(np.argmin(errors)) == 20


@pytest.mark.parametrize(("fps", "frames", "shown", "seconds"), [(24, 48, 16, 2), (30, 45, 12, 1.5), (60, 360, 32, 4)])
def test_the_preview_keeps_the_speed(
    film: Callable[..., Video], plan: Plans, fps: int, frames: int, shown: int, seconds: float
) -> None:
    preview = kind(film(plan(width=64, height=64, fps=fps, frames=frames)), "preview")

    assert (preview.frames, preview.duration) == (shown, pytest.approx(seconds, abs=0.01))


@pytest.mark.parametrize("form", ["mp4", "webm", "gif"])
def test_a_video_that_stands_still_is_a_video(
    postprocess: Postprocess, plan: Plans, go_on: Callable[[], None], form: str
) -> None:
    asked = plan(width=64, height=64, frames=12, format=form)
    still = Clip(np.full((12, 64, 64, 3), 90, np.uint8), 24)

    made = postprocess.assemble([postprocess.encode(still, asked, asked.spans[0], go_on)], asked)

    assert kind(made, "video").frames == 12
    assert kind(made, "preview").frames == 1


def test_what_really_ran_is_in_the_result_and_in_the_file(film: Callable[..., Video], plan: Plans) -> None:
    asked = plan(width=64, height=64, seed=123)

    made = film(asked)

    assert video.read_recipe(kind(made, "video").data) == made.resolved
    assert Plan.model_validate({name: made.resolved[name] for name in Plan.model_fields if name != "warnings"}) == asked
    assert made.resolved["software"].startswith("AuraAnim")


def test_frames_of_another_size_are_resized(
    postprocess: Postprocess, plan: Plans, bars: Bars, go_on: Callable[[], None]
) -> None:
    asked = plan(width=100, height=60, frames=4, upscale=1)

    piece = postprocess.encode(Clip(bars(4, 72, 40), 24), asked, asked.spans[0], go_on)

    assert (video.probe(piece.data).width, video.probe(piece.data).height, piece.frames) == (100, 60, 4)


def test_pieces_are_joined_in_order(
    postprocess: Postprocess, plan: Plans, bars: Bars, go_on: Callable[[], None]
) -> None:
    asked, frames = plan(width=320, height=64, frames=40), bars(40, 320, 64)
    clips = [(Clip(frames[span.start : span.stop], 24), span) for span in asked.spans]
    pieces = [postprocess.encode(clip, asked, span, go_on) for clip, span in clips]

    made = postprocess.assemble(pieces[::-1], asked)

    assert np.abs(np.stack(list(video.decode(kind(made, "video").data))).astype(int) - frames).mean() < 4


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_missing_piece_is_never_papered_over(
    postprocess: Postprocess, plan: Plans, bars: Bars, go_on: Callable[[], None], lost: int
) -> None:
    asked, frames = plan(width=64, height=64, frames=40), bars(16, 64, 64)
    pieces = [
        postprocess.encode(Clip(frames[: len(span)], 24), asked, span, go_on)
        for span in asked.spans
        if span.index != lost
    ]

    with pytest.raises(StageFailed, match="not the spans of the plan"):
        postprocess.assemble(pieces, asked)


def test_a_piece_that_lies_about_its_frames_is_caught(
    postprocess: Postprocess, plan: Plans, bars: Bars, go_on: Callable[[], None]
) -> None:
    asked = plan(width=64, height=64, frames=10)
    piece = postprocess.encode(Clip(bars(9, 64, 64), 24), asked, asked.spans[0], go_on)

    with pytest.raises(StageFailed, match="not 64x64, 10 frames"):
        postprocess.assemble([Piece(0, piece.data, 10)], asked)


def test_a_stored_file_is_checked_bit_by_bit(postprocess: Postprocess, film: Callable[..., Video], plan: Plans) -> None:
    made = film(plan(width=64, height=64))
    for output in made.outputs:
        postprocess.check(output.data, output)

        with pytest.raises(StageFailed, match="not what was written"):
            postprocess.check(output.data[:-1] + b"?", output)


def test_a_stored_file_is_checked_for_what_it_holds(
    postprocess: Postprocess, film: Callable[..., Video], plan: Plans
) -> None:
    output = kind(film(plan(width=64, height=64)), "video")

    for wrong in ({"frames": 47}, {"width": 66}, {"duration": 1.9}):
        with pytest.raises(StageFailed, match="the file holds"):
            postprocess.check(output.data, replace(output, **wrong))


def test_without_interpolation_a_span_is_cut_from_the_base(
    postprocess: Postprocess, plan: Plans, noise: Callable[..., Clip]
) -> None:
    base, asked = noise(20, 40, 72), plan(fps=8, frames=20, base_frames=20)

    cut = [postprocess.select(base, asked, span) for span in asked.spans]

    assert [len(clip) for clip in cut] == [16, 4]
    assert np.array_equal(np.concatenate([clip.frames for clip in cut]), base.frames)


def test_the_base_clip_is_kept_without_loss(postprocess: Postprocess, noise: Callable[..., Clip]) -> None:
    base = noise(16, 40, 72)

    assert np.array_equal(postprocess.restore(postprocess.lossless(base)).frames, base.frames)
