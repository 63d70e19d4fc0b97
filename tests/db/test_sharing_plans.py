"""The plans of the statements for visitors and moderators: no table is read whole, however many videos there are.

The statements are those that the functions execute, with their values. With 100,000 published videos and 1,000,000
reports: tests/security/test_sharing_size.py.
"""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
from sqlalchemy import event, text

from db import gallery, reports, shares
from db.embedded import Postgres
from db.gallery import Place
from db.moderation import decisions, objects
from db.settings import plain_url
from db.tables import Decision, ReportReason
from tests.conftest import Sessions

TABLES = ("videos", "artifacts", "shares", "reports", "moderation_decisions", "blocked_hashes", "users")
FILL = """
    DELETE FROM users;
    INSERT INTO users (id, email, password_hash)
    SELECT uuidv7(), n || '@example.com', 'x' FROM generate_series(1, 2000) AS n;
    ALTER TABLE artifacts DISABLE TRIGGER USER;
    CREATE TEMP TABLE numbered AS SELECT id, row_number() OVER () AS n FROM users;
    INSERT INTO videos (id, owner_id, prompt, visibility, published_at, format, width, height, fps, frames, duration,
        spec, resolved, base)
    SELECT uuidv7(), numbered.id, 'a circle', 'public', now() - n * interval '1 second', 'mp4', 64, 64, 8, 8, 1,
        '{{}}', '{{"embed_prompt": false}}', CASE WHEN k % 10 = 0 THEN
            jsonb_build_object('key', 'jobs/' || k || '/base.mkv', 'sha256', encode(sha256(k::text::bytea), 'hex')) END
    FROM generate_series(1, {videos}) AS k JOIN numbered ON numbered.n = 1 + k % 2000;
    INSERT INTO artifacts (id, video_id, kind, key, content_type, width, height, fps, frames, duration, size_bytes,
        sha256)
    SELECT uuidv7(), id, 'video', 'jobs/' || id || '/1/video.mp4', 'video/mp4', 64, 64, 8, 8, 1, 1,
        encode(sha256(id::text::bytea), 'hex') FROM videos;
    INSERT INTO shares (id, video_id, token_hash, expires_at)
    SELECT uuidv7(), id, encode(sha256(id::text::bytea), 'hex'), now() + interval '1 day' FROM videos;
    INSERT INTO moderation_decisions (id, video_id, action, reason, statement)
    SELECT uuidv7(), id, 'restore', 'x', 'x' FROM videos;
    INSERT INTO blocked_hashes (sha256, video_id, kind, reason)
    SELECT encode(sha256(('x' || n)::bytea), 'hex'), uuidv7(), 'video', 'x' FROM generate_series(1, 20000) AS n;
    INSERT INTO reports (id, video_id, reason, closed_at)
    SELECT uuidv7(), id, CASE WHEN k = 1 THEN 'minors' ELSE 'spam' END, CASE WHEN k % 2 = 0 THEN now() END
    FROM videos CROSS JOIN generate_series(1, 10) AS k;
    DROP TABLE numbered;
    ALTER TABLE artifacts ENABLE TRIGGER USER;
    VACUUM ANALYZE {tables}
"""


async def fill(owner_url: str, videos: int) -> None:
    """So many published videos of 2,000 users, and ten times as many reports."""
    connection = await asyncpg.connect(plain_url(owner_url))
    try:
        for statement in FILL.format(videos=videos, tables=", ".join(TABLES)).split(";"):
            await connection.execute(statement)
    finally:
        await connection.close()


async def empty(owner_url: str) -> None:
    """Faster than the DELETE before the next test."""
    connection = await asyncpg.connect(plain_url(owner_url))
    try:
        await connection.execute("TRUNCATE users, blocked_hashes CASCADE")
    finally:
        await connection.close()


async def explain(sessions: Sessions, call: Callable[..., Awaitable[Any]], *args: Any, **values: Any) -> str:
    """The plans of all statements of this call, which is rolled back."""
    statements: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if not statement.startswith("EXPLAIN"):
            statements.append((statement, parameters))

    async with sessions() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", note)
        try:
            await call(session, *args, **values)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        await session.rollback()
        connection = await session.connection()
        plans = [
            "\n".join(list((await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)).scalars()))
            for statement, parameters in statements
        ]
    assert plans
    return "\n\n".join(plans)


async def test_no_statement_reads_a_whole_table(sessions: Sessions, postgres: Postgres) -> None:
    await fill(postgres.owner_url, videos=10_000)
    try:
        assert await tables_read_whole(sessions) == {}
    finally:
        await empty(postgres.owner_url)


async def tables_read_whole(sessions: Sessions) -> dict[str, list[str]]:
    """The sequential scans of each statement that has any."""
    async with sessions() as session:
        video_id, owner_id = (await session.execute(text("SELECT id, owner_id FROM videos LIMIT 1"))).one()
        report_id = (await session.scalars(text("SELECT id FROM reports WHERE closed_at IS NULL LIMIT 1"))).one()
    place = Place(datetime.now(UTC), video_id)
    calls: dict[str, tuple[Callable[..., Awaitable[Any]], dict[str, Any]]] = {
        "first page of the gallery": (gallery.page, {"limit": 100}),
        "next page of the gallery": (gallery.page, {"limit": 100, "after": place}),
        "a published video": (gallery.get, {"video_id": video_id}),
        "the objects of a page": (gallery.media, {"video_ids": [video_id, owner_id]}),
        "open a link": (shares.find, {"token_hash": "0" * 64}),
        "links of a video": (shares.of_video, {"video_id": video_id, "owner_id": owner_id}),
        "a new link": (shares.create, {"video_id": video_id, "owner_id": owner_id, "token_hash": "x",
                                       "password_hash": None, "show_prompt": False, "days": 1}),
        "revoke": (shares.revoke, {"share_id": video_id, "owner_id": owner_id}),
        "views": (shares.add_views, {"views": {video_id: 1, owner_id: 2}}),
        "purge of links": (shares.purge, {"limit": 1000}),
        "a report": (reports.add, {"video_id": video_id, "reason": ReportReason.MINORS}),
        "hide": (decisions.hide_reported, {"video_id": video_id, "reason": "minors"}),
        "queue": (reports.page, {"limit": 100}),
        "next page of the queue": (reports.page, {"limit": 100, "after": report_id}),
        "closed reports": (reports.page, {"limit": 100, "closed": True}),
        "next page of closed reports": (reports.page, {"limit": 100, "after": report_id, "closed": True}),
        "reports of a video": (reports.of_video, {"video_id": video_id, "limit": 100}),
        "decisions about a video": (decisions.history, {"video_id": video_id, "limit": 100}),
        "a video for moderators": (decisions.get, {"video_id": video_id}),
        "restore": (decisions.decide, {"video_id": video_id, "moderator_id": owner_id, "action": Decision.RESTORE,
                                       "reason": "x", "statement": "x"}),
        "reject": (decisions.decide, {"video_id": video_id, "moderator_id": owner_id, "action": Decision.REJECT,
                                      "reason": "x", "statement": "x"}),
        "purge of reports": (reports.purge, {"limit": 1000}),
    }  # fmt: skip
    plans = {name: await explain(sessions, call, **values) for name, (call, values) in calls.items()}
    async with sessions() as session:
        hidden = objects._HIDDEN.sql.replace("$1", "'x'")
        blocked = "SELECT * FROM blocked_hashes WHERE sha256 IN ('x', 'y') LIMIT 1"
        for sql in (hidden, blocked):
            plans[sql] = "\n".join(await session.scalars(text(f"EXPLAIN {sql}")))
    read_whole = {name: re.findall(rf"Seq Scan on (?:{'|'.join(TABLES)})\b.*", plan) for name, plan in plans.items()}
    return {name: scans for name, scans in read_whole.items() if scans}
