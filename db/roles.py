"""The roles of the database: `python -m db.roles` creates them, as the superuser of ADMIN_DATABASE_URL.

The owner runs the migrations and owns the tables. The application may read and change rows, and nothing else: a
superuser could read and write every file that the server can, and run programs.
"""

import asyncio
from typing import Final

import asyncpg
from sqlalchemy import URL, make_url

from db.settings import RoleSettings, asyncpg_url, plain_url

_ADVISORY_LOCK: Final = 4_217_010
# Tables whose rows the application may add and read, and neither change nor delete.
APPEND_ONLY: Final = ("audit_log",)
# Exists only while a database of the former layout is upgraded.
_TEMPORARY_ROLE: Final = "aura_upgrade"

_CREATE_ROLE: Final = """
    SELECT format('CREATE ROLE %I', $1::text) WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)
"""
_SET_ROLE: Final = """
    SELECT format(
        'ALTER ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD %L',
        $1::text, $2::text)
"""
# Tables first: the sequence of an identity column follows its table and cannot be changed alone.
_SET_OWNER: Final = """
    SELECT format('ALTER DATABASE %I OWNER TO %I', current_database(), $1::text)
    UNION ALL
    SELECT format('ALTER TABLE %s OWNER TO %I', oid::regclass, $1::text) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT format('ALTER SEQUENCE %s OWNER TO %I', oid::regclass, $1::text) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('a', 'i'))
    UNION ALL
    SELECT format('ALTER ROUTINE %s OWNER TO %I', oid::regprocedure, $1::text) FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('ALTER TYPE %s OWNER TO %I', oid::regtype, $1::text) FROM pg_type
    WHERE typnamespace = 'public'::regnamespace AND typtype IN ('e', 'd')
"""
# The default privileges apply to the tables that later migrations create.
_GRANT: Final = """
    SELECT format(statement, current_database(), $1::text, $2::text)
    FROM (VALUES
        ('REVOKE ALL ON DATABASE %1$I FROM PUBLIC'),
        ('REVOKE CREATE ON SCHEMA public FROM PUBLIC'),
        ('GRANT CONNECT ON DATABASE %1$I TO %3$I'),
        ('GRANT USAGE ON SCHEMA public TO %3$I'),
        ('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %3$I'),
        ('GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO %3$I'),
        ('ALTER DEFAULT PRIVILEGES FOR ROLE %2$I IN SCHEMA public
          GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %3$I'),
        ('ALTER DEFAULT PRIVILEGES FOR ROLE %2$I IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO %3$I')
    ) statements(statement)
"""
_REVOKE: Final = """
    SELECT format('REVOKE UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES ON %s FROM %I', oid::regclass, $1::text)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY(string_to_array($2::text, ','))
"""


async def prepare(*, admin_url: str, owner_url: str, application_url: str) -> None:
    """Create the roles of `owner_url` and `application_url`, or bring them up to date. Safe to repeat.

    Raises ValueError if the three URLs do not name three roles, and one of DATABASE_ERRORS.
    """
    owner, application = make_url(asyncpg_url(owner_url)), make_url(asyncpg_url(application_url))
    if len({owner.username, application.username, make_url(asyncpg_url(admin_url)).username}) < 3:
        raise ValueError("administrator, owner and application must be three roles of the database")
    try:
        connection = await _connect(admin_url)
    except asyncpg.InvalidAuthorizationSpecificationError:
        if not await _rename_administrator(make_url(asyncpg_url(admin_url)), str(application.username)):
            raise
        connection = await _connect(admin_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ADVISORY_LOCK)
            for role in (owner, application):
                await _run(connection, _CREATE_ROLE, role.username)
                await _run(connection, _SET_ROLE, role.username, role.password)
            await _run(connection, _SET_OWNER, owner.username)
            await _run(connection, _GRANT, owner.username, application.username)
            await _run(connection, _REVOKE, application.username, ",".join(APPEND_ONLY))
            await connection.execute(f"DROP ROLE IF EXISTS {_TEMPORARY_ROLE}")
    finally:
        await connection.close()


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(plain_url(url), timeout=10, command_timeout=60)


async def _run(connection: asyncpg.Connection, query: str, *arguments: str | None) -> None:
    """Execute the statements that a query returns."""
    for row in await connection.fetch(query, *arguments):
        await connection.execute(row[0])


async def _rename_administrator(admin: URL, former_name: str) -> bool:
    """Upgrade a database of the former layout, in which the application was the superuser that initdb creates.

    PostgreSQL cannot take the superuser attribute from that role, but another superuser can rename it. False if the
    former name does not sign in with the administrator's password either.
    """
    former = admin.set(username=former_name)
    temporary = admin.set(username=_TEMPORARY_ROLE)
    try:
        connection = await _connect(former.render_as_string(hide_password=False))
    except asyncpg.InvalidAuthorizationSpecificationError:
        return False
    try:
        await _run(connection, _CREATE_ROLE, _TEMPORARY_ROLE)
        query = "SELECT format('ALTER ROLE %I LOGIN SUPERUSER PASSWORD %L', $1::text, $2::text)"
        await _run(connection, query, _TEMPORARY_ROLE, admin.password)
    finally:
        await connection.close()
    connection = await _connect(temporary.render_as_string(hide_password=False))
    try:
        rename = "SELECT format('ALTER ROLE %I RENAME TO %I', $1::text, $2::text)"
        await _run(connection, rename, former_name, admin.username)
    finally:
        await connection.close()
    return True


if __name__ == "__main__":
    settings = RoleSettings()
    asyncio.run(
        prepare(
            admin_url=settings.admin_database_url,
            owner_url=settings.owner_database_url,
            application_url=settings.database_url,
        )
    )
