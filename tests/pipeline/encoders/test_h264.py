from collections.abc import Callable

import pytest

from pipeline.clip import EncodedSpan, Frames
from pipeline.contract.errors import StageFailed
from pipeline.contract.spec import Format
from pipeline.encoders import h264, video
from pipeline.encoders.h264 import NVENC, X264, Encoder
from pipeline.stages.postprocess import Postprocess

Bars = Callable[[int, int, int], Frames]


def test_the_encoder_of_a_card_is_used_where_it_works() -> None:
    assert h264.choose(True, lambda encoder: encoder is NVENC) is NVENC
    assert h264.choose(True, lambda _: False) is X264


def test_without_a_share_of_a_card_nothing_is_tried() -> None:
    tried: list[Encoder] = []

    assert h264.choose(False, lambda encoder: not tried.append(encoder)) is X264
    assert tried == []


def test_a_frame_is_encoded_to_find_out() -> None:
    assert h264.works(X264)
    assert not h264.works(Encoder("h264_of_no_card", {}))
    assert not h264.works(Encoder("libx264", {"preset": "nothing"}))


def test_a_stage_falls_back_to_x264_on_a_machine_without_an_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Postprocess(has_card=True)._h264 in (X264, NVENC)
    monkeypatch.setattr("pipeline.encoders.h264.NVENC", Encoder("h264_of_no_card", {}))
    assert Postprocess(has_card=True)._h264 is X264


def test_spans_of_two_encoders_are_not_joined(bars: Bars) -> None:
    """On cards of two kinds: the file would not be decodable after the first span."""
    other = Encoder("libx264", {**X264.options, "profile": "baseline"})
    spans = [
        EncodedSpan(index, video.encode(bars(4, 64, 64), 8, Format.MP4, lambda: None, encoder), 4)
        for index, encoder in enumerate((X264, other))
    ]

    with pytest.raises(StageFailed, match="different encoders"):
        video.join(spans, 8, Format.MP4, {})
    assert video.probe(video.join([spans[0], spans[0]], 8, Format.MP4, {})).frames == 8
