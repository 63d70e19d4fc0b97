"""videos: the slowest list or search among 100,000 videos, of one user and of a thousand users.

Each is one call of `db.videos.queries`, repeated on one connection as a gateway repeats it, so that the plans for any
values are measured too. The goal is a page in a tenth of a second, on a machine under other load.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import UUID

import asyncpg

from db.settings import plain_url
from db.videos import queries as videos
from db.videos.queries import Filter
from tests.bench import database
from tests.bench.database import Server, Sessions
from tests.bench.result import Goal, Result

VIDEOS, REPEATS = 100_000, 12
GOAL_MS: Final = 100.0
# `circle` is in each prompt, a number in one, and a tag in one of a thousand videos.
_FILL: Final = """
    INSERT INTO videos (id, owner_id, created_at, prompt, tags, favourite, format, width, height, fps, frames, duration,
        spec, resolved)
    SELECT uuidv7(make_interval(secs => number - {videos})), owners.id, now(), 'a red circle number' || number,
        CASE WHEN number % 10 = 0 THEN array['tag' || number % 100] ELSE '{{}}' END, number % 1000 = 0,
        CASE WHEN number % 1000 = 1 THEN 'gif' ELSE 'mp4' END, 512, 512, 24, 48, 2,
        jsonb_build_object('prompt', repeat('x', 500)), jsonb_build_object('prompt', repeat('x', 500))
    FROM generate_series(1, {videos}) AS number
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM users) AS owners ON place = 1 + number % {users}
"""
FILTERS: Final = {
    "newest": Filter(), "favourites": Filter(favourite=True), "a format": Filter(format="gif"),
    "a tag": Filter(tag="tag10"), "a frequent word": Filter(words="circle"), "a rare word": Filter(words="number90000"),
    "an unknown word": Filter(words="elephant"), "a word and a tag": Filter(words="red", tag="tag20"),
}  # fmt: skip


async def measure(server: Server, *, quick: bool) -> list[Result]:
    count = VIDEOS // 10 if quick else VIDEOS
    return [await _slowest(server, count, users) for users in (1, 1000)]


async def _slowest(server: Server, count: int, users: int) -> Result:
    url = await server.database()
    await database.seed(url, users=users, jobs_per_user=0)
    connection = await asyncpg.connect(plain_url(url))
    await connection.execute(_FILL.format(videos=count, users=users))
    await connection.execute("VACUUM ANALYZE videos")
    await connection.close()
    (owner, *_) = await database.ids(url, "SELECT id FROM users ORDER BY id")
    async with database.sessions(url) as opened:
        seconds = {name: await _seconds(opened, _page(owner, only)) for name, only in FILTERS.items()}
        seconds["tags"] = await _seconds(opened, lambda session: videos.tags(session, owner_id=owner))
    slowest = max(seconds, key=seconds.__getitem__)
    what = f"ms of the slowest page ({slowest}) ÷ newest, {count} videos of {users} users"
    return Result("videos", what, 1000 * seconds[slowest], 1000 * seconds["newest"],
                  Goal(GOAL_MS, "at most", of="numerator"))  # fmt: skip


def _page(owner: UUID, only: Filter) -> Callable[[Any], Awaitable[Any]]:
    return lambda session: videos.page(session, owner_id=owner, limit=20, only=only)


async def _seconds(opened: Sessions, read: Callable[[Any], Awaitable[Any]]) -> float:
    """The median of the later calls: PostgreSQL chooses the plan for any values after five."""
    spent = []
    for _ in range(REPEATS):
        async with opened() as session:
            began = time.perf_counter()
            await read(session)
            spent.append(time.perf_counter() - began)
    return statistics.median(spent[REPEATS // 2 :])
