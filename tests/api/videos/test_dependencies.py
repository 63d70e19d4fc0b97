"""Values of the query of `GET /api/videos`."""

import pytest
from pydantic import TypeAdapter, ValidationError

from api.videos.dependencies import Moment

MOMENTS: TypeAdapter[object] = TypeAdapter(Moment)


@pytest.mark.parametrize("text", ["0.5", "-1", "1700000000", "+3", "2026-11-21", "2026-11-21T10:00:00"])
def test_a_number_or_a_time_without_a_zone_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError):
        MOMENTS.validate_python(text)


def test_a_date_and_time_with_a_zone_is_a_moment() -> None:
    assert MOMENTS.validate_python("2026-11-21T10:00:00+01:00") == MOMENTS.validate_python("2026-11-21T09:00Z")
