"""The record of a kept base clip."""

import pytest
from pydantic import ValidationError

from pipeline.contract.base_clip import BaseClip

RECORD = {
    "key": "jobs/a/1/base.mkv",
    "content_type": "video/x-matroska",
    "sha256": "0" * 64,
    "size_bytes": 3,
    "width": 64,
    "height": 64,
    "frames": 8,
    "fps": 8.0,
    "plan": {"seed": 7},
}


def test_a_record_is_stored_and_read() -> None:
    base = BaseClip(**RECORD, reduced=True)
    assert base.model_dump(mode="json") == {**RECORD, "reduced": True}
    assert BaseClip.model_validate(base.model_dump(mode="json")) == base


def test_records_of_other_versions_are_read() -> None:
    assert BaseClip.model_validate({**RECORD, "a_later_field": 1}) == BaseClip(**RECORD)
    assert BaseClip.model_validate(RECORD).reduced is False


def test_a_record_is_immutable() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        BaseClip(**RECORD).key = "other"  # type: ignore[misc]
