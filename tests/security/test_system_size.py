"""What the figures for administrators cost with a million finished jobs, 100,000 waiting ones and a million objects."""

# ruff: noqa: F811  (fixtures are imported by name: those of this folder are for a gateway process)

import statistics
import sys
import time
from collections.abc import AsyncIterator
from typing import Final

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.dependencies import Gateway
from api.settings import Settings
from db import users
from db.storage import figures
from db.tables import Role
from tests.api.conftest import ApiUser, alice, app, auth, client, gateway, settings  # noqa: F401  (fixtures)

USERS: Final = 20_000
FINISHED: Final = 1_000_000
WAITING: Final = 100_000
RUNNING: Final = 1_000
VIDEOS: Final = 250_000
REPEATS: Final = 30
LIMIT_SECONDS: Final = 0.05

FILL: Final = (
    "INSERT INTO users (id, email, password_hash) "
    f"SELECT uuidv7(), n || '@example.com', 'x' FROM generate_series(1, {USERS}) AS n",
    "CREATE UNLOGGED TABLE owners AS SELECT id, row_number() OVER () AS n FROM users WHERE email LIKE '%@example.com'",
    "ALTER TABLE owners ADD PRIMARY KEY (n)",
    "ALTER TABLE jobs DISABLE TRIGGER USER",
    # Two days of finished jobs, half of them within the last 24 hours.
    f"""INSERT INTO jobs (id, owner_id, spec, status, attempt, created_at, started_at, finished_at, resolved, error,
        cancel_requested_at, progress)
    SELECT uuidv7(make_interval(secs => -172800.0 * number / {FINISHED})), owners.id,
        jsonb_build_object('prompt', repeat('x', 200), 'model', 'tiny'), status, 1, at - interval '2 minutes',
        at - interval '1 minute', at, CASE status WHEN 'succeeded' THEN '{{}}'::jsonb END,
        CASE status WHEN 'failed' THEN jsonb_build_object('message', 'It broke.', 'stage', 'generate',
            'code', CASE WHEN number % 5000 = 0 THEN 'out_of_memory' ELSE 'stage_failed' END) END,
        CASE status WHEN 'canceled' THEN at END, jsonb_build_object('value', 1, 'stage', 'postprocess')
    FROM (
        SELECT number, now() - make_interval(secs => 172800.0 * number / {FINISHED}) AS at,
            CASE WHEN number % 50 = 0 THEN 'failed' WHEN number % 20 = 1 THEN 'canceled' ELSE 'succeeded' END AS status
        FROM generate_series(1, {FINISHED}) AS number
    ) AS ended JOIN owners ON owners.n = 1 + ended.number % {USERS}""",
    f"""INSERT INTO jobs (id, owner_id, spec) SELECT uuidv7(), owners.id, '{{}}'
    FROM generate_series(1, {WAITING}) AS number JOIN owners ON owners.n = 1 + number % {USERS}""",
    f"""INSERT INTO jobs (id, owner_id, spec, status, attempt, started_at, lease_owner, lease_expires_at)
    SELECT uuidv7(), owners.id, '{{}}', 'running', 1, now(), 'host:' || number % 10, now() + interval '1 minute'
    FROM generate_series(1, {RUNNING}) AS number JOIN owners ON owners.n = 1 + number % {USERS}""",
    """INSERT INTO turns (owner_id, queued, head_id, head_priority, waits_since)
    SELECT DISTINCT ON (owner_id) owner_id, 5, id, priority, created_at FROM jobs WHERE status = 'queued'""",
    "ALTER TABLE jobs ENABLE TRIGGER USER",
    f"""INSERT INTO videos (id, owner_id, prompt, format, width, height, fps, frames, duration, spec, resolved)
    SELECT uuidv7(make_interval(secs => -number)), owners.id, 'x', 'mp4', 64, 64, 8, 8, 1, '{{}}', '{{}}'
    FROM generate_series(1, {VIDEOS}) AS number JOIN owners ON owners.n = 1 + number % {USERS}""",
    """INSERT INTO artifacts (id, video_id, kind, key, content_type, width, height, fps, frames, duration, size_bytes,
        sha256)
    SELECT uuidv7(), videos.id, kind, videos.id || kind, 'video/mp4', 64, 64, 8, 8, 1, 1000, ''
    FROM videos CROSS JOIN unnest(ARRAY['video', 'poster', 'preview', 'spritesheet']) AS kind""",
    "VACUUM ANALYZE users, jobs, turns, videos, artifacts",
)


@pytest.fixture
async def filled(owner_engine: AsyncEngine) -> AsyncIterator[None]:
    """The rows take about 2 GB on the disk while the test runs."""
    async with owner_engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        raw = await connection.get_raw_connection()
        for statement in FILL:
            await raw.driver_connection.execute(statement, timeout=1000)
        yield
        await connection.execute(text("TRUNCATE users, turns, artifacts CASCADE"))
        await connection.execute(text("DROP TABLE owners"))


@pytest.mark.long_attack
@pytest.mark.timeout(1200)
async def test_a_million_jobs(
    filled: None, gateway: Gateway, settings: Settings, alice: ApiUser, capsys: pytest.CaptureFixture[str]
) -> None:
    async with gateway.sessions.begin() as session:
        await users.set_role(session, alice.id, Role.ADMIN)
    started = time.perf_counter()
    async with gateway.sessions.begin() as session:
        await figures.measure(session)
    found = {"measurement of a million objects": time.perf_counter() - started}
    page = (await alice.get("/api/admin/failures?limit=100")).json()
    paths = {
        "queue": "queue", "workers": "workers", "storage": "storage", "failures": "failures?limit=100",
        "failures, a later page": f"failures?limit=100&after={page['last_id']}",
        "failures of a rare code": "failures?limit=100&code=out_of_memory",
    }  # fmt: skip
    requests = {name: await median_seconds(alice, f"/api/admin/{path}") for name, path in paths.items()}
    with capsys.disabled():
        sys.stdout.writelines(f"\n| {name} | {value * 1000:.0f} ms |" for name, value in (found | requests).items())
    assert {name: value for name, value in requests.items() if value > LIMIT_SECONDS} == {}


async def median_seconds(admin: ApiUser, path: str) -> float:
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        response = await admin.get(path)
        seconds.append(time.perf_counter() - started)
        assert response.status_code == 200, response.text
    return statistics.median(seconds)
