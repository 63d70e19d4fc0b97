"""The constraints of the tables, and the migrations."""

import asyncio
import re
import sys
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from db import migrate
from db.embedded import Postgres
from db.settings import plain_url
from db.tables import TERMINAL, Status
from tests.conftest import Sessions
from tests.db.conftest import Life

ROOT = Path(__file__).parents[2]
IMPOSSIBLE = {
    "status": "status = 'paused'",
    "running_is_owned": "status = 'running', attempt = 1, started_at = now(), lease_expires_at = now()",
    "running_is_leased": "status = 'running', attempt = 1, started_at = now(), lease_owner = 'w'",
    "running_is_started": "status = 'running', attempt = 1, lease_owner = 'w', lease_expires_at = now()",
    "finished": "status = 'succeeded', resolved = '{}'",
    "failed_has_error": "status = 'failed', finished_at = now()",
    "succeeded_is_resolved": "status = 'succeeded', finished_at = now()",
    "canceled_on_request": "status = 'canceled', finished_at = now()",
    "key_has_hash": "idempotency_key = 'k'",
    "counts": "failures = 1",
    "charge": "charged_seconds = 0.5",
    "progress_value": """progress = '{"value": 1.01}'""",
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
async def test_impossible_jobs_are_refused(life: Life, name: str) -> None:
    job = await life.queued()
    with pytest.raises(IntegrityError, match=f"ck_jobs_{name}"):
        await life.change(job.id, IMPOSSIBLE[name])


async def test_the_check_constraints_list_the_states(sessions: Sessions) -> None:
    """Alembic does not compare CHECK constraints, so this finds a state that the migrations do not know."""
    definition = text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
    async with sessions() as session:
        for name, states in {"ck_jobs_status": set(Status), "ck_jobs_finished": TERMINAL}.items():
            assert set(re.findall(r"'(\w+)'", await session.scalar(definition, {"name": name}))) == states


@pytest.mark.parametrize("progress", ['{"value": "1"}', "{}", "[]"])
async def test_progress_without_a_value_is_refused(life: Life, progress: str) -> None:
    job = await life.queued()
    with pytest.raises(IntegrityError, match="ck_jobs_progress_value"):
        await life.change(job.id, f"progress = '{progress}'")


async def test_a_succeeded_job_has_no_requested_cancel(life: Life) -> None:
    lease = await life.succeeded()
    with pytest.raises(IntegrityError, match="ck_jobs_canceled_on_request"):
        await life.change(lease.job_id, "cancel_requested_at = now()")


async def test_a_job_has_one_open_attempt(life: Life, sessions: Sessions) -> None:
    lease = await life.running()
    async with sessions() as session:
        with pytest.raises(IntegrityError, match="uq_attempts_open"):
            await session.execute(
                text("INSERT INTO attempts (job_id, attempt, lease_owner) VALUES (:id, 2, 'w2')"), {"id": lease.job_id}
            )


async def test_every_foreign_key_has_an_index(sessions: Sessions) -> None:
    """Without one, the deletion of a referenced row reads the whole table. A partial index may leave out nulls only."""
    async with sessions() as session:
        missing = await session.scalars(
            text("""
                SELECT conname FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
                    AND NOT EXISTS (
                        SELECT FROM pg_index WHERE indrelid = conrelid
                            AND (indkey::int2[])[0:cardinality(conkey) - 1] = conkey
                            AND coalesce(pg_get_expr(indpred, indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$', true))""")
        )
        assert list(missing) == []


def test_the_migrations_match_the_models(postgres: Postgres) -> None:
    command.check(migrate.config(postgres.owner_url))


async def test_every_constraint_follows_the_naming_convention(sessions: Sessions) -> None:
    async with sessions() as session:
        names = await session.scalars(
            text("SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'")
        )
        assert [n for n in names if n.split("_")[0] not in ("ck", "fk", "pk", "uq") and "alembic" not in n] == []


async def test_migrations_run_concurrently_down_and_up_again(postgres: Postgres) -> None:
    superuser = await asyncpg.connect(plain_url(postgres.superuser_url))
    await superuser.execute("CREATE DATABASE up_and_down OWNER aura_owner")
    await superuser.close()
    url = postgres.owner_url.removesuffix("postgres") + "up_and_down"
    program = f"from db import migrate; migrate.upgrade({url!r})"
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", program, cwd=ROOT)
    await asyncio.to_thread(migrate.upgrade, url)
    assert await other.wait() == 0
    await asyncio.to_thread(command.downgrade, migrate.config(url), "base")
    await asyncio.to_thread(migrate.upgrade, url)
    await asyncio.to_thread(command.check, migrate.config(url))
