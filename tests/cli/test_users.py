"""`aura users`, and the account that `aura up` creates."""

import json
from pathlib import Path
from uuid import UUID

import anyio.to_thread
import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from api.auth.passwords import HASHER
from api.auth.tokens import token_hash
from cli import users as command
from cli.accounts import create_local_account
from cli.main import app
from cli.system.data_dir import LOCAL_EMAIL
from db import one_time_tokens, users
from db.embedded import Postgres
from db.tables import Purpose, User
from tests.conftest import MakeUser, Sessions


@pytest.fixture
def aura(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    return lambda *arguments: CliRunner().invoke(app, ["users", *arguments])


async def find(sessions: Sessions, email: str) -> User:
    async with sessions() as session:
        user = await users.by_email(session, email)
    assert user is not None
    return user


async def run(aura: object, *arguments: str) -> Result:
    """In a thread, because the command starts an event loop."""
    return await anyio.to_thread.run_sync(lambda: aura(*arguments))  # type: ignore[operator]


async def test_the_first_administrator(aura: object, sessions: Sessions, make_user: MakeUser) -> None:
    await make_user("ada@example.org")
    result = await run(aura, "role", "ADA@example.org", "admin")
    assert (result.exit_code, (await find(sessions, "ada@example.org")).role) == (0, "admin")
    missing = await run(aura, "role", "nobody@example.org", "admin")
    assert (missing.exit_code, "there is no account nobody@example.org" in missing.output) == (1, True)
    assert (await run(aura, "role", "ada@example.org", "owner")).exit_code == 2


async def test_an_account_is_disabled_and_enabled(aura: object, sessions: Sessions, make_user: MakeUser) -> None:
    await make_user("ada@example.org")
    assert (await run(aura, "disable", "ada@example.org")).exit_code == 0
    assert (await find(sessions, "ada@example.org")).disabled_at is not None
    assert (await run(aura, "enable", "ada@example.org")).exit_code == 0
    assert (await find(sessions, "ada@example.org")).disabled_at is None


@pytest.mark.parametrize(
    ("arguments", "purpose"),
    [(("invite", "--role", "moderator"), Purpose.INVITATION), (("reset", "ada@example.org"), Purpose.PASSWORD_RESET)],
)
async def test_tokens_are_printed(
    aura: object, sessions: Sessions, make_user: MakeUser, arguments: tuple[str, ...], purpose: Purpose
) -> None:
    user_id: UUID = await make_user("ada@example.org")
    printed = (await run(aura, *arguments)).output.strip()
    async with sessions.begin() as session:
        found = await one_time_tokens.redeem(session, purpose=purpose, token_hash=token_hash(printed))
    assert found is not None
    assert found.user_id == (user_id if purpose is Purpose.PASSWORD_RESET else None)
    assert found.data == ({"role": "moderator"} if purpose is Purpose.INVITATION else {})


async def test_results_are_printed_as_json(aura: object, make_user: MakeUser) -> None:
    await make_user("ada@example.org")
    for arguments, expected in (
        (("role", "ada@example.org", "moderator"), {"email": "ada@example.org", "role": "moderator"}),
        (("disable", "ada@example.org"), {"email": "ada@example.org", "disabled": True}),
        (("enable", "ada@example.org"), {"email": "ada@example.org", "disabled": False}),
    ):
        assert json.loads((await run(aura, *arguments, "--json")).stdout) == expected
    assert json.loads((await run(aura, "invite", "--json")).stdout).keys() == {"invitation", "role"}
    assert json.loads((await run(aura, "reset", "ada@example.org", "--json")).stdout).keys() == {"email", "token"}


async def test_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    result = CliRunner().invoke(app, ["users", "invite", "--data-dir", str(tmp_path)])
    assert (result.exit_code, "set DATABASE_URL, or start `aura up`" in result.output) == (1, True)


async def test_the_database_of_a_running_system(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    (tmp_path / "aura").mkdir()
    (tmp_path / "aura" / "postgres").symlink_to(postgres.data_dir)
    assert command.database_url(tmp_path / "aura") == postgres.url


async def test_the_local_account_is_created_once(database_url: str, sessions: Sessions) -> None:
    for password in ("the first password", "another password"):
        await anyio.to_thread.run_sync(create_local_account, database_url, LOCAL_EMAIL, password)
    local = await find(sessions, LOCAL_EMAIL)
    assert local.role == "admin"
    assert HASHER.verify("the first password", local.password_hash)
    async with sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM users")) == 1
