"""Ray, the five stages and a dispatcher as processes of their own. Jobs are submitted to the database."""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg

from db.jobs import queries as jobs
from db.settings import plain_url
from tests.bench import database
from tests.bench.database import REPOSITORY, Server, Sessions
from tests.faults.process import Process

T = TypeVar("T")

START_SECONDS: Final = 120
SLEEPING: Final = "tests.bench.stages"
# Small frames that need no interpolator: 8 frames a second.
SPEC: Final[dict[str, Any]] = {
    "width": 64, "height": 64, "fps": 8, "duration_seconds": 1.0, "model": "tiny", "seed": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One call of a stage, in seconds since 1970."""

    stage: str
    prompt: str
    span: int
    began: float
    ended: float


@dataclass(frozen=True)
class Ended:
    """A job at its end, with the times of the database."""

    id: UUID
    status: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime
    progress: dict[str, Any]
    error: dict[str, Any] | None

    @property
    def seconds(self) -> float:
        """From the submission to the end."""
        return (self.finished_at - self.created_at).total_seconds()


@dataclass(frozen=True)
class RaySystem:
    url: str
    sessions: Sessions
    owners: list[UUID]
    folder: Path
    processes: tuple[Process, ...]
    # Of the processes, for a further one.
    environment: dict[str, str]

    async def submit(self, prompt: str, *, owner: int = 0, **fields: Any) -> UUID:
        """Enqueue a job of one of the owners."""
        spec = SPEC | fields | {"prompt": prompt}
        async with self.sessions.begin() as session:
            submitted = await jobs.enqueue(
                session, owner_id=self.owners[owner], spec=spec, seconds=spec["duration_seconds"],
                quotas=database.QUOTAS,
            )  # fmt: skip
        return submitted.job.id

    async def ended(self, job_ids: Sequence[UUID], seconds: float = 300) -> list[Ended]:
        """Wait until these jobs have ended, in the order of their end. RuntimeError if one has failed."""
        connection = await asyncpg.connect(plain_url(self.url))
        try:
            async with asyncio.timeout(seconds):
                while True:
                    rows = await connection.fetch(
                        "SELECT id, status, created_at, started_at, finished_at, progress, error FROM jobs "
                        "WHERE id = ANY($1) AND finished_at IS NOT NULL ORDER BY finished_at", list(job_ids)
                    )  # fmt: skip
                    if len(rows) == len(job_ids):
                        break
                    await asyncio.sleep(0.05)
        finally:
            await connection.close()
        decoded = [{**row, **{name: json.loads(row[name] or "null") for name in ("progress", "error")}} for row in rows]
        if failed := [row for row in decoded if row["status"] == "failed"]:
            raise RuntimeError(str(failed[0]["error"]))
        return [Ended(**row) for row in decoded]

    async def run(self, prompt: str, **fields: Any) -> Ended:
        return (await self.ended([await self.submit(prompt, **fields)]))[0]

    async def first_preview(self, job_id: UUID) -> float:
        """Seconds from the submission until the job has a preview."""
        connection = await asyncpg.connect(plain_url(self.url))
        try:
            async with asyncio.timeout(300):
                while True:
                    seconds = await connection.fetchval(
                        "SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM jobs "
                        "WHERE id = $1 AND preview_key IS NOT NULL", job_id
                    )  # fmt: skip
                    if seconds is not None:
                        return float(seconds)
                    await asyncio.sleep(0.05)
        finally:
            await connection.close()

    def calls(self, stage: str | None = None) -> list[Call]:
        """The recorded calls of the sleeping stages."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        found = [Call(**json.loads(line)) for line in lines]
        return [call for call in found if stage in (None, call.stage)]

    def replica_pids(self, stage: str) -> list[int]:
        return [int(path.name.rpartition(".")[2]) for path in (self.folder / "replicas").glob(f"{stage}.*")]

    @property
    def head_pid(self) -> int:
        return self.processes[0].pid


@contextlib.asynccontextmanager
async def running(
    server: Server, *, stages: str = SLEEPING, owners: int = 10, **settings: object
) -> AsyncIterator[RaySystem]:
    """`settings` are fields of the settings of the pipeline."""
    url = await server.database()
    await database.seed(url, users=owners, jobs_per_user=0)
    ids = await database.ids(url, "SELECT id FROM users")
    with tempfile.TemporaryDirectory(prefix="aura-bench-") as name:
        folder = Path(name)
        (folder / "replicas").mkdir()
        environment = _environment(folder, url, stages, settings)
        head = Process("ray", [sys.executable, "-m", "pipeline.cluster"], environment, folder)
        dispatcher = Process("dispatcher", [sys.executable, "-m", "pipeline.dispatch"], environment, folder)
        try:
            head.start()
            dispatcher.start()
            for process in (head, dispatcher):
                await _ready(process)
            async with database.sessions(url) as opened:
                yield RaySystem(url, opened, ids, folder, (head, dispatcher), environment)
        finally:
            for process in (dispatcher, head):
                if process.is_alive:
                    await asyncio.to_thread(process.terminate, 30)


async def until(find: Callable[[], T | None], seconds: float = 60) -> T:
    """Poll until `find` returns something. TimeoutError."""
    async with asyncio.timeout(seconds):
        while not (found := find()):  # noqa: ASYNC110 files and processes of others raise no event
            await asyncio.sleep(0.02)
    return found


async def _ready(process: Process) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not process.is_ready:
            if not process.is_alive:
                raise RuntimeError(process.log_tail())
            await asyncio.sleep(0.1)


def _environment(folder: Path, url: str, stages: str, settings: dict[str, object]) -> dict[str, str]:
    token = folder / "ray.token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    chosen = {"running_per_user": 100, **settings}
    return inherited | {key.upper(): str(value) for key, value in chosen.items()} | {
        "DATABASE_URL": url,
        "STORAGE_DIR": str(folder / "objects"),
        "STORAGE_SIGNING_KEY": secrets.token_hex(32),
        "STAGES": stages,
        "STAGE_CPUS": "0.05",
        "RAY_NUM_CPUS": "2",
        "RAY_ADDRESS_FILE": str(folder / "ray.address"),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "BENCH_CALLS": str(folder / "calls"),
        "FAULTS_REPLICAS": str(folder / "replicas"),
        "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip
