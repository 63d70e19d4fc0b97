"""The gallery and the queue of reports in their full size: no statement reads a table whole, and pages are quick."""

import time

import pytest

from db import gallery, reports
from db.embedded import Postgres
from tests.conftest import Sessions
from tests.db.test_sharing_plans import empty, fill, tables_read_whole

pytestmark = [pytest.mark.long_attack, pytest.mark.timeout(900)]
PAGE_SECONDS = 0.1


async def test_100_000_published_videos_and_1_000_000_reports(sessions: Sessions, postgres: Postgres) -> None:
    await fill(postgres.owner_url, videos=100_000)
    try:
        assert await tables_read_whole(sessions) == {}
        async with sessions() as session:
            for page in (gallery.page, reports.page):
                times = []
                for _ in range(5):
                    started = time.perf_counter()
                    assert len(await page(session, limit=100)) == 101
                    times.append(time.perf_counter() - started)
                assert min(times) < PAGE_SECONDS, page
    finally:
        await empty(postgres.owner_url)
