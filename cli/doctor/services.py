"""Checks of the services: what they are configured to use, and whether it answers."""

import asyncio
import importlib.metadata
import socket
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings

from cli.doctor.finding import Finding, ok, problem, warning
from cli.system.address import StartFailed, require_free_port, running_gateway_url
from cli.system.data_dir import DataDir, operator_settings
from db.errors import DATABASE_ERRORS, AuraError, PostgresFailed
from db.logs import first_line

T = TypeVar("T")
ANSWER_SECONDS: Final = 10
# The leases of jobs use the clock of the database; access tokens and signed links use that of the gateway.
MAX_CLOCK_SECONDS: Final = 5.0
# No machine had this version before.
RELEASED: Final = datetime(2026, 11, 1, tzinfo=UTC).timestamp()


def check_port(data_dir: Path, host: str, port: int) -> Finding:
    name, found = "port", f"{host}:{port}"
    running = running_gateway_url(DataDir(data_dir)) if (data_dir / "lock").exists() else None
    if running and running.endswith(f":{port}"):
        return ok(name, f"{found} is used by the AuraAnim of this data directory")
    try:
        require_free_port(host, port)
    except StartFailed as error:
        return problem(name, *str(error).rsplit(": ", 1))
    return ok(name, f"{found} is free")


def check_database() -> Finding:
    name = "database"
    url = operator_settings().get("DATABASE_URL")
    if url is None:
        return check_embedded_postgres()
    from db import engine as engines
    from db.migrate import is_current

    async def query() -> bool:
        engine = engines.connect(url)
        try:
            return await is_current(engine)
        finally:
            await engine.dispose()

    try:
        current = answer(query)
    except (*DATABASE_ERRORS, ValueError) as error:
        return problem(name, first_line(error) or type(error).__name__, "check DATABASE_URL, and that the server runs")
    if current:
        return ok(name, "it answers, and every migration has run")
    return warning(name, "migrations are missing", "run `make migrate`; `aura up` does it too")


def check_embedded_postgres() -> Finding:
    """Whether the programs of the embedded PostgreSQL run, as the user that runs the server."""
    from db.postgres_programs import process_options, programs, server_user

    with tempfile.TemporaryDirectory() as folder:
        try:
            user = server_user(Path(folder))
            run = subprocess.run(
                [programs(user) / "postgres", "--version"],
                capture_output=True, text=True, check=False, **process_options(Path(folder), user),
            )  # fmt: skip
        except (PostgresFailed, OSError) as error:
            return problem("database", first_line(error), "set DATABASE_URL to use a server of your own")
    if run.returncode:
        return problem("database", run.stderr.strip(), "set DATABASE_URL to use a server of your own")
    return ok("database", f"embedded: {run.stdout.strip()}")


def check_object_store(data_dir: Path) -> Finding:
    """A folder can be written to, or the bucket exists or can be created."""
    from db.settings import StorageSettings
    from db.storage.open import open_storage

    name = "object store"
    values: dict[str, Any] = {}
    if not {"STORAGE_DIR", "S3_ENDPOINT"} & operator_settings().keys():
        values = {"storage_dir": str(data_dir / "objects")}
    if "S3_ENDPOINT" not in operator_settings() and "STORAGE_SIGNING_KEY" not in operator_settings():
        values["storage_signing_key"] = "-" * 32  # `aura up` generates one
    try:
        settings = StorageSettings(**values)
    except ValidationError as error:
        return problem(name, validation_message(error), "see .env.example")
    if settings.storage_dir:
        return check_folder(name, Path(settings.storage_dir))
    try:
        answer(open_storage(settings).check)
    except (AuraError, OSError) as error:
        return problem(name, first_line(error), "check S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY")
    return ok(name, f"{settings.s3_endpoint}, bucket {settings.s3_bucket}")


def check_folder(name: str, folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        return problem(name, f"{existing}: {error.strerror}", "choose a folder that this user may write to")
    return ok(name, f"the folder {folder}")


def check_ray(address: str) -> Finding:
    """`address` is RAY_ADDRESS, or empty if a head is started on this machine."""
    name = "Ray"
    try:
        version = importlib.metadata.version("ray")
    except importlib.metadata.PackageNotFoundError:
        return problem(name, "not installed", "run `make setup`, or pip install 'auraanim[pipeline]'")
    if not address:
        return ok(name, f"version {version}; a head is started on this machine")
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
    except (OSError, ValueError) as error:
        return problem(name, f"{address}: {error}", "check RAY_ADDRESS (host:port), and that the head runs")
    return ok(name, f"version {version}; {address} accepts connections")


def check_models(models_dir: Path) -> Finding:
    from pipeline.contract.catalog import all_weights
    from pipeline.models.weights import is_available

    available = [weights.name for _, weights in all_weights() if is_available(weights, models_dir)]
    if not available:
        return problem(
            "models", f"none in {models_dir}", "run `aura models pull NAME`; `aura models list` has the names"
        )
    return ok("models", ", ".join(available))


def check_clock() -> Finding:
    """Compares the clock with that of the database, if one is configured."""
    name, now = "clock", datetime.now(UTC)
    found = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    if now.timestamp() < RELEASED:
        return problem(name, found, "set the clock: certificates, tokens and signed links depend on it")
    url = operator_settings().get("DATABASE_URL")
    if url is None:
        return ok(name, found)
    import asyncpg

    from db.settings import plain_url

    async def query() -> float:
        connection = await asyncpg.connect(plain_url(url), timeout=ANSWER_SECONDS)
        try:
            return float(await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
        finally:
            await connection.close()

    try:
        difference = answer(query) - time.time()
    except (*DATABASE_ERRORS, ValueError):
        return ok(name, f"{found}; not compared with the database, which does not answer")
    if abs(difference) > MAX_CLOCK_SECONDS:
        return warning(name, f"{abs(difference):.0f} s off that of the database", "synchronise both clocks (NTP)")
    return ok(name, f"{found}, as that of the database")


def answer(query: Callable[[], Awaitable[T]]) -> T:
    """The result of a coroutine function. TimeoutError, an OSError, after ANSWER_SECONDS."""

    async def run() -> T:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await query()

    return asyncio.run(run())


def validation_message(error: ValidationError) -> str:
    return "; ".join(str(each["msg"]).removeprefix("Value error, ") for each in error.errors())


def check_settings() -> Finding:
    """Whether every setting of `.env` and the environment has a valid value."""
    from db.settings import DatabaseSettings
    from pipeline.settings import PipelineSettings

    classes: list[type[BaseSettings]] = [PipelineSettings]
    if "DATABASE_URL" in operator_settings():
        classes.append(DatabaseSettings)
    for of in classes:
        try:
            of()
        except ValidationError as error:
            names = ", ".join(str(each["loc"][0]).upper() for each in error.errors() if each["loc"])
            return problem("settings", f"{names}: {validation_message(error)}".lstrip(": "), "see .env.example")
    return ok("settings", "valid")
