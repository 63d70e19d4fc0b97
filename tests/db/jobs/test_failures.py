"""The failed jobs of all users, page by page."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from db.jobs import failures
from tests.conftest import MakeUser
from tests.db.conftest import Call, Life


@pytest.fixture
async def failed(life: Life, make_user: MakeUser) -> list[UUID]:
    """Jobs of two users, the last failure first. They failed in another order than they were submitted in."""
    other = await make_user("other@example.com")
    found = []
    for minutes, owner, code in ((30, None, "stage_failed"), (10, other, "out_of_memory"), (20, None, "stage_failed")):
        lease = await life.running(owner=owner)
        error = {"code": code, "message": "It broke.", "stage": "generate"}
        assert await life.fail(lease, retry=False, error=error)
        await life.change(lease.job_id, f"finished_at = now() - interval '{minutes} minutes'")
        found.append((minutes, lease.job_id))
    return [job_id for _, job_id in sorted(found)]


async def ids(call: Call, **options: Any) -> list[UUID]:
    return [row["id"] for row in await call(failures.page, **{"limit": 10, **options})]


async def test_the_last_failure_comes_first(life: Life, call: Call, failed: list[UUID]) -> None:
    await life.succeeded()
    await life.canceled()
    rows = await call(failures.page, limit=10)
    assert [row["id"] for row in rows] == failed
    assert rows[0]["email"] == "other@example.com"
    assert rows[0]["error"] == {"code": "out_of_memory", "message": "It broke.", "stage": "generate"}
    assert [(row["attempt"], row["failures"], row["losses"]) for row in rows] == [(1, 1, 0)] * 3
    assert "prompt" not in str(rows)


async def test_pages_follow_each_other(call: Call, failed: list[UUID], life: Life) -> None:
    assert await ids(call, limit=1) == failed[:2], "one more than the limit says that there are more"
    assert await ids(call, limit=1, after=failed[0]) == failed[1:]
    await life.change(failed[1], f"finished_at = (SELECT finished_at FROM jobs WHERE id = '{failed[0]}')")
    same_moment = sorted(failed[:2], reverse=True)
    assert await ids(call) == [*same_moment, failed[2]]
    assert await ids(call, after=same_moment[0]) == [same_moment[1], failed[2]]
    assert await ids(call, after=failed[2]) == []


async def test_a_place_that_is_gone_ends_the_list(call: Call, failed: list[UUID], life: Life) -> None:
    assert await ids(call, after=uuid4()) == []
    assert await ids(call, after=(await life.queued()).id) == []


async def test_one_code(call: Call, failed: list[UUID]) -> None:
    assert await ids(call, code="stage_failed") == failed[1:]
    assert await ids(call, code="stage_failed", after=failed[1]) == failed[2:]
    assert await ids(call, code="worker_lost") == []


async def test_the_codes(call: Call, failed: list[UUID]) -> None:
    assert await call(failures.codes) == ["out_of_memory", "stage_failed"]


async def test_no_failure(life: Life, call: Call) -> None:
    await life.succeeded()
    assert await ids(call) == []
    assert await call(failures.codes) == []
