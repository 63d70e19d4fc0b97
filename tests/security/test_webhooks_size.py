"""Webhooks in their full size: no statement reads a whole table, and a check without due messages is fast."""

import sys

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import Sessions
from tests.db.conftest import Call, Life, call, life, owner  # noqa: F401  (fixtures)
from tests.db.test_webhook_plans import check_size

pytestmark = [pytest.mark.long_attack, pytest.mark.timeout(900)]
LIMIT_MS = 50


async def test_100_000_users_and_1_000_000_deliveries(
    life: Life,  # noqa: F811
    call: Call,  # noqa: F811
    sessions: Sessions,
    owner_engine: AsyncEngine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured = await check_size(100_000, life, call, sessions, owner_engine)
    with capsys.disabled():
        rows = [f"| {name} | {milliseconds:.3f} ms |" for name, milliseconds in measured.items()]
        sys.stdout.write("\n" + "\n".join(rows) + "\n")
    assert {name: one for name, one in measured.items() if one > LIMIT_MS} == {}
