"""`aura audit purge`, and the entries that the commands of the operator write."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio.to_thread
import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from cli.main import app
from db.audit_tables import AuditEntry
from db.embedded import Postgres
from db.ids import first_uuid7
from tests.conftest import MakeUser, Sessions


@pytest.fixture(autouse=True)
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)


async def aura(*arguments: str) -> Result:
    """In a thread, because the command starts an event loop."""
    return await anyio.to_thread.run_sync(lambda: CliRunner().invoke(app, arguments))


async def add_entries(sessions: Sessions, *ages_in_days: float) -> None:
    async with sessions.begin() as session:
        for age in ages_in_days:
            session.add(AuditEntry(id=first_uuid7(datetime.now(UTC) - timedelta(days=age)), action="sign_in"))


async def entries(sessions: Sessions) -> list[AuditEntry]:
    async with sessions() as session:
        return list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


async def test_old_entries_are_deleted_as_the_owner(
    postgres: Postgres, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("db.audit_retention.delete_old_entries.__kwdefaults__", {"batch": 1})
    await add_entries(sessions, 400, 366, 364, 1)
    refused = await aura("audit", "purge")
    assert (refused.exit_code, "set OWNER_DATABASE_URL" in refused.output) == (1, True), refused.exception
    assert len(await entries(sessions)) == 4
    monkeypatch.setenv("OWNER_DATABASE_URL", postgres.owner_url)
    purged = await aura("audit", "purge")
    assert (purged.exit_code, purged.output.strip()) == (0, "2 entries were older than 365 days")
    monkeypatch.setenv("AUDIT_DAYS", "100")
    assert (await aura("audit", "purge")).output.startswith("1 entries")
    assert (await aura("audit", "purge", "--days", "2")).output.startswith("0 entries")
    printed = await aura("audit", "purge", "--days", "2", "--json")
    assert json.loads(printed.stdout) == {"deleted": 0, "days": 2}
    assert len(await entries(sessions)) == 1


async def test_commands_of_the_operator_have_entries(sessions: Sessions, make_user: MakeUser) -> None:
    user_id = await make_user("ada@example.org")
    for arguments in (["role", "ada@example.org", "admin"], ["disable", "ada@example.org"]):
        assert (await aura("users", *arguments)).exit_code == 0
    for arguments in (["enable", "ada@example.org"], ["invite"], ["reset", "ada@example.org"]):
        assert (await aura("users", *arguments)).exit_code == 0
    written = await entries(sessions)
    assert [entry.action for entry in written] == [
        "role_changed", "account_disabled", "account_enabled", "invitation_created", "password_reset_requested",
    ]  # fmt: skip
    assert written[0].details == {"by": "operator", "from": "user", "to": "admin"}
    assert {entry.actor_id for entry in written} == {None}
    assert written[0].target_id == user_id
