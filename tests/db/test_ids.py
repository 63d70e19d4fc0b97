"""Ids that separate moments."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from db.ids import first_uuid7

NOW = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "moment",
    [datetime(1969, 12, 31, tzinfo=UTC), datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))],
    ids=["before 1970", "the first moment of Python"],
)
def test_no_id_is_older_than_a_moment_before_1970(moment: datetime) -> None:
    assert first_uuid7(moment) == first_uuid7(datetime(1970, 1, 1, tzinfo=UTC)) < first_uuid7(NOW)


def test_ids_are_in_the_order_of_their_moments() -> None:
    latest = datetime.max.replace(tzinfo=timezone(timedelta(hours=-14)))
    assert first_uuid7(NOW) < first_uuid7(NOW + timedelta(milliseconds=1)) < first_uuid7(latest)
