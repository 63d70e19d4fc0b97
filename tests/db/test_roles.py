"""The roles of the database: what the application may not do, and databases of the former layout."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from db import migrate, roles
from db.embedded import Postgres
from db.postgres_programs import process_options, programs, server_user
from db.settings import plain_url

ROLES = "SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname"


async def execute(url: str, *statements: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(plain_url(url), timeout=10)
    try:
        return [await connection.fetch(statement) for statement in statements][-1]
    finally:
        await connection.close()


FORBIDDEN = {
    "run a program": "COPY users (email) FROM PROGRAM 'echo x'",
    "write through a program": "COPY (SELECT 1) TO PROGRAM 'cat > /tmp/aura-written'",
    "read a file": "COPY users (email) FROM '/etc/passwd'",
    "write a file": "COPY (SELECT 1) TO '/tmp/aura-written'",
    "read a file by a function": "SELECT pg_read_file('/etc/passwd')",
    "list a folder": "SELECT pg_ls_dir('/')",
    "read password hashes": "SELECT rolpassword FROM pg_authid",
    "become the owner": "SET ROLE aura_owner",
    "become the superuser": "SET ROLE postgres",
    "make a role": "CREATE ROLE intruder SUPERUSER",
    "make itself a superuser": "ALTER ROLE aura SUPERUSER",
    "make a database": "CREATE DATABASE other",
    "load a library": "LOAD '/tmp/library.so'",
    "create a table": "CREATE TABLE own (n int)",
    "create a temporary table": "CREATE TEMP TABLE own (n int)",
    "create a function": "CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "drop a table": "DROP TABLE users",
    "empty a table": "TRUNCATE users CASCADE",
    "change the audit log": "UPDATE audit_log SET actor_id = NULL",
    "delete from the audit log": "DELETE FROM audit_log",
    "empty the audit log": "TRUNCATE audit_log",
    "lock the audit log for a change": "SELECT 1 FROM audit_log FOR UPDATE",
    "drop the audit log": "DROP TABLE audit_log",
    "replace an entry of the audit log": "INSERT INTO audit_log (id, action) VALUES (gen_random_uuid(), 'x') "
    "ON CONFLICT (id) DO UPDATE SET action = 'y'",
    "change the audit log by a trigger": "CREATE TRIGGER t BEFORE INSERT ON audit_log "
    "FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "drop a constraint": "ALTER TABLE jobs DROP CONSTRAINT ck_jobs_finished",
    "disable a trigger": "ALTER TABLE jobs DISABLE TRIGGER USER",
    "change the server": "ALTER SYSTEM SET log_connections = on",
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_the_application_may_not(case: str, postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(execute(postgres.url, FORBIDDEN[case]))
    assert not Path("/tmp/aura-written").exists()


async def test_the_owner_is_no_superuser(postgres: Postgres) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(postgres.owner_url, "COPY (SELECT 1) TO PROGRAM 'true'")


async def test_only_the_owner_owns_tables(postgres: Postgres) -> None:
    query = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert [row[0] for row in await execute(postgres.owner_url, query)] == ["aura_owner"]


async def test_a_table_of_a_later_migration_can_be_read_and_changed(postgres: Postgres) -> None:
    await execute(postgres.owner_url, "CREATE TABLE later (id int GENERATED ALWAYS AS IDENTITY, n serial, x int)")
    try:
        changes = ("INSERT INTO later (x) VALUES (1)", "UPDATE later SET x = 2", "DELETE FROM later RETURNING x")
        assert [row[0] for row in await execute(postgres.url, *changes)] == [2]
    finally:
        await execute(postgres.owner_url, "DROP TABLE later")


async def test_the_audit_log_stays_append_only_after_the_roles_were_brought_up_to_date(postgres: Postgres) -> None:
    await roles.prepare(admin_url=postgres.superuser_url, owner_url=postgres.owner_url, application_url=postgres.url)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(postgres.url, "DELETE FROM audit_log")
    insert = "INSERT INTO audit_log (id, action) VALUES (gen_random_uuid(), 'x') RETURNING action"
    assert [row[0] for row in await execute(postgres.url, insert)] == ["x"]


async def test_the_three_roles_must_differ(postgres: Postgres) -> None:
    with pytest.raises(ValueError, match="three roles"):
        await roles.prepare(
            admin_url=postgres.superuser_url, owner_url=postgres.owner_url, application_url=postgres.owner_url
        )


async def test_a_wrong_password_of_the_administrator_is_reported_as_such(postgres: Postgres) -> None:
    wrong = postgres.superuser_url.replace("postgres:", "postgres:x")
    with pytest.raises(asyncpg.InvalidPasswordError, match="postgres"):
        await roles.prepare(admin_url=wrong, owner_url=postgres.owner_url, application_url=postgres.url)


@pytest.fixture
def former(tmp_path: Path) -> Iterator[Postgres]:
    """A data directory as version 0.2 made it: the application's role is the superuser of initdb, and owns all."""
    server = Postgres(tmp_path / "data", settings={"fsync": "off"}, die_with_parent=True)
    cluster = server.data_dir / "cluster"
    cluster.mkdir(parents=True, mode=0o700)
    user = server_user(cluster)
    target = cluster if user is None else Path("/proc/self/cwd")
    options = ["-D", target, "--username=aura", "--auth=trust", "--locale=C", "--no-sync"]
    command = [programs(user) / "initdb", *options]
    subprocess.run(command, capture_output=True, check=True, **process_options(cluster, user))
    (server.data_dir / "password").write_text("former-password")
    password = b"ALTER ROLE aura PASSWORD 'former-password'\n"
    single = [programs(user) / "postgres", "--single", "-D", target, "postgres"]
    subprocess.run(single, input=password, capture_output=True, check=True, **process_options(cluster, user))
    hba = cluster / "pg_hba.conf"
    hba.write_text(hba.read_text().replace("trust", "scram-sha-256"))
    yield server
    server.stop()


def test_a_data_directory_of_the_former_layout_is_upgraded(former: Postgres) -> None:
    setup = former._prepare_roles
    former._prepare_roles = lambda: None  # type: ignore[method-assign]
    former.start()
    url = former.superuser_url.replace("//postgres:", "//aura:")
    migrate.upgrade(url)
    insert = "INSERT INTO users (id, email, password_hash) VALUES (gen_random_uuid(), 'a@b', 'x')"
    asyncio.run(execute(url, insert, "CREATE SEQUENCE numbers", "CREATE TYPE mood AS ENUM ('good')"))
    setup()
    assert [row[0] for row in asyncio.run(execute(former.url, ROLES))] == ["aura", "aura_owner", "postgres"]
    rows = asyncio.run(execute(former.url, "UPDATE users SET email = 'c@d' RETURNING email"))
    assert rows[0]["email"] == "c@d"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(execute(former.url, "COPY (SELECT 1) TO PROGRAM 'true'"))
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(execute(url, "SELECT 1"))
    migrate.upgrade(former.owner_url)
    asyncio.run(execute(former.owner_url, "ALTER TABLE jobs ADD COLUMN later int", "DROP TYPE mood"))
    del former._prepare_roles  # type: ignore[method-assign]
    former.stop()
    former.start()
