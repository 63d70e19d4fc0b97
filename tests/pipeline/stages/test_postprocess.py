import io
from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline.clip import Clip, EncodedSpan, Frames, Output, Video
from pipeline.contract.errors import StageFailed
from pipeline.contract.plan import Plan
from pipeline.contract.version import VERSION
from pipeline.encoders import video, webp
from pipeline.stages.postprocess import WORDS, Postprocess

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
def render(postprocess: Postprocess, plan: Plans, bars: Bars, never_stop: Callable[[], None]) -> Callable[..., Video]:
    def create(requested: Plan) -> Video:
        frames = bars(requested.frames, requested.width, requested.height)
        clips = [(Clip(frames[span.start : span.stop], requested.fps), span) for span in requested.spans]
        spans = [postprocess.encode(clip, requested, span, never_stop) for clip, span in clips]
        return postprocess.assemble(spans, requested)

    return create


def find_output(result: Video, kind: str) -> Output:
    return next(output for output in result.outputs if output.kind == kind)


@pytest.mark.parametrize(("width", "height", "fps", "seconds", "form"), TABLE)
def test_the_video_has_the_requested_size_rate_and_duration(
    render: Callable[..., Video], plan: Plans, width: int, height: int, fps: int, seconds: float, form: str
) -> None:
    frames = round(seconds * fps)

    output = find_output(render(plan(width=width, height=height, fps=fps, frames=frames, format=form)), "video")

    with av.open(io.BytesIO(output.data)) as container:
        stream = container.streams.video[0]
        actual = (stream.width, stream.height, sum(1 for _ in container.decode(stream)))
        duration = container.duration / 1_000_000
        # GIF has delays instead of a frame rate.
        rate = frames / duration if form == "gif" else float(stream.average_rate)
    assert actual == (width, height, frames)
    assert duration == pytest.approx(frames / fps, abs=0.011)
    assert rate == pytest.approx(fps, rel=0.03 if form == "gif" else 1e-6)
    assert (output.width, output.height, output.frames, output.fps) == (width, height, frames, fps)
    assert output.duration == pytest.approx(duration, abs=0.001)


def test_the_files_of_a_job(render: Callable[..., Video], plan: Plans) -> None:
    result = render(plan(width=640, height=360, warnings=("a warning",)))

    assert [(output.kind, output.content_type) for output in result.outputs] == [
        ("video", "video/mp4"), ("poster", "image/webp"), ("preview", "image/webp"),
        ("spritesheet", "image/webp"),
    ]  # fmt: skip
    poster, preview = find_output(result, "poster"), find_output(result, "preview")
    assert webp.probe(poster.data)[:3] == (poster.width, poster.height, poster.frames) == (640, 360, 1)
    assert webp.probe(preview.data)[:3] == (preview.width, preview.height, preview.frames) == (320, 180, 16)
    assert len(preview.data) <= 300_000
    assert result.warnings == ("a warning",)


@pytest.mark.parametrize(("frames", "sprites"), [(4, 4), (16, 16), (40, 16), (49, 16)])
def test_a_sprite_sheet_shows_the_whole_video(
    render: Callable[..., Video], plan: Plans, bars: Bars, frames: int, sprites: int
) -> None:
    sheet = find_output(render(plan(width=128, height=96, frames=frames)), "spritesheet")

    rows = -(-sprites // 4)
    assert (sheet.width, sheet.height, sheet.frames) == (4 * 128, rows * 96, sprites)
    image = np.asarray(webp.Image.open(io.BytesIO(sheet.data))).astype(int)
    assert image.shape == (sheet.height, sheet.width, 3)
    shown = []
    for number in range(sprites):
        top, left = number // 4 * 96, number % 4 * 128
        sprite = image[top : top + 96, left : left + 128]
        shown.append(int(np.argmin([np.abs(sprite - frame).mean() for frame in bars(frames, 128, 96)])))
    assert shown == [round(place) for place in np.linspace(0, frames - 1, sprites)]


def test_the_poster_is_the_middle_frame(render: Callable[..., Video], plan: Plans, bars: Bars) -> None:
    requested = plan(width=128, height=96, frames=40)

    poster = find_output(render(requested), "poster")

    image = np.asarray(webp.Image.open(io.BytesIO(poster.data))).astype(int)
    errors = [np.abs(image - frame).mean() for frame in bars(40, 128, 96)]
    assert int(np.argmin(errors)) == 20


@pytest.mark.parametrize(("fps", "frames", "count", "seconds"), [(24, 48, 16, 2), (30, 45, 12, 1.5), (60, 360, 32, 4)])
def test_the_preview_keeps_the_speed(
    render: Callable[..., Video], plan: Plans, fps: int, frames: int, count: int, seconds: float
) -> None:
    preview = find_output(render(plan(width=64, height=64, fps=fps, frames=frames)), "preview")

    assert (preview.frames, preview.duration) == (count, pytest.approx(seconds, abs=0.01))


@pytest.mark.parametrize("form", ["mp4", "webm", "gif"])
def test_a_motionless_video_keeps_its_frames(
    postprocess: Postprocess, plan: Plans, never_stop: Callable[[], None], form: str
) -> None:
    requested = plan(width=64, height=64, frames=12, format=form)
    still = Clip(np.full((12, 64, 64, 3), 90, np.uint8), 24)

    result = postprocess.assemble([postprocess.encode(still, requested, requested.spans[0], never_stop)], requested)

    assert find_output(result, "video").frames == 12
    assert find_output(result, "preview").frames == 1


def test_the_resolved_request_is_in_the_result_and_in_the_file(render: Callable[..., Video], plan: Plans) -> None:
    requested = plan(width=64, height=64, seed=123)

    result = render(requested)

    assert video.read_recipe(find_output(result, "video").data) == {
        name: value for name, value in result.resolved.items() if name not in WORDS
    }
    assert (
        Plan.model_validate({name: result.resolved[name] for name in Plan.model_fields if name != "warnings"})
        == requested
    )
    assert result.resolved["software"] == f"AuraAnim {VERSION}"


@pytest.mark.parametrize("form", ["mp4", "webm", "gif"])
def test_the_words_of_the_request_are_not_in_the_files(render: Callable[..., Video], plan: Plans, form: str) -> None:
    """A video can be shared without its prompt."""
    words = {"prompt": "secretprompt", "negative_prompt": "secretnegative", "original_prompt": "secretoriginal"}
    requested = plan(width=64, height=64, format=form, prompt_travel={4: "secrettravel"}, **words)

    result = render(requested)

    assert result.resolved["prompt"] == "secretprompt"
    for output in result.outputs:
        assert b"secret" not in output.data


@pytest.mark.parametrize("form", ["mp4", "webm", "gif"])
def test_the_words_are_in_the_file_on_request(render: Callable[..., Video], plan: Plans, form: str) -> None:
    result = render(plan(width=64, height=64, format=form, embed_prompt=True, prompt="a red circle"))

    assert video.read_recipe(find_output(result, "video").data) == result.resolved
    assert result.resolved["prompt"] == "a red circle"


def test_frames_of_another_size_are_resized(
    postprocess: Postprocess, plan: Plans, bars: Bars, never_stop: Callable[[], None]
) -> None:
    requested = plan(width=100, height=60, frames=4, upscale=1)

    encoded = postprocess.encode(Clip(bars(4, 72, 40), 24), requested, requested.spans[0], never_stop)

    assert (video.probe(encoded.data).width, video.probe(encoded.data).height, encoded.frames) == (100, 60, 4)


def test_spans_are_joined_in_order(
    postprocess: Postprocess, plan: Plans, bars: Bars, never_stop: Callable[[], None]
) -> None:
    requested, frames = plan(width=320, height=64, frames=40), bars(40, 320, 64)
    clips = [(Clip(frames[span.start : span.stop], 24), span) for span in requested.spans]
    spans = [postprocess.encode(clip, requested, span, never_stop) for clip, span in clips]

    result = postprocess.assemble(spans[::-1], requested)

    assert np.abs(np.stack(list(video.decode(find_output(result, "video").data))).astype(int) - frames).mean() < 4


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_missing_span_fails(
    postprocess: Postprocess, plan: Plans, bars: Bars, never_stop: Callable[[], None], lost: int
) -> None:
    requested, frames = plan(width=64, height=64, frames=40), bars(16, 64, 64)
    spans = [
        postprocess.encode(Clip(frames[: len(span)], 24), requested, span, never_stop)
        for span in requested.spans
        if span.index != lost
    ]

    with pytest.raises(StageFailed, match="not the spans of the plan"):
        postprocess.assemble(spans, requested)


def test_a_wrong_number_of_frames_in_a_span_fails(
    postprocess: Postprocess, plan: Plans, bars: Bars, never_stop: Callable[[], None]
) -> None:
    requested, shorter = plan(width=64, height=64, frames=10), plan(width=64, height=64, frames=9)
    clip = Clip(bars(9, 64, 64), 24)
    encoded = postprocess.encode(clip, shorter, shorter.spans[0], never_stop)

    with pytest.raises(StageFailed, match="span 0 has 9 frames, not 10"):
        postprocess.encode(clip, requested, requested.spans[0], never_stop)
    with pytest.raises(StageFailed, match="not 64x64, 10 frames"):
        postprocess.assemble([EncodedSpan(0, encoded.data, 10)], requested)


def test_a_modified_stored_file_fails(postprocess: Postprocess, render: Callable[..., Video], plan: Plans) -> None:
    result = render(plan(width=64, height=64))
    for output in result.outputs:
        postprocess.verify(output.data, output)

        with pytest.raises(StageFailed, match="differs from the written bytes"):
            postprocess.verify(output.data[:-1] + b"?", output)


def test_a_stored_video_with_other_properties_fails(
    postprocess: Postprocess, render: Callable[..., Video], plan: Plans
) -> None:
    output = find_output(render(plan(width=64, height=64)), "video")

    for wrong in ({"frames": 47}, {"width": 66}, {"duration": 1.9}):
        with pytest.raises(StageFailed, match="the file holds"):
            postprocess.verify(output.data, replace(output, **wrong))


def test_without_interpolation_a_span_is_a_slice_of_the_base_clip(
    postprocess: Postprocess, plan: Plans, noise: Callable[..., Clip]
) -> None:
    base, requested = noise(20, 40, 72), plan(fps=8, frames=20, base_frames=20)

    selected = [postprocess.select(base, requested, span) for span in requested.spans]

    assert [len(clip) for clip in selected] == [16, 4]
    assert np.array_equal(np.concatenate([clip.frames for clip in selected]), base.frames)


def test_the_base_clip_is_stored_without_loss(postprocess: Postprocess, noise: Callable[..., Clip]) -> None:
    base = noise(16, 40, 72)

    assert np.array_equal(postprocess.decode_base(postprocess.encode_base(base)).frames, base.frames)
