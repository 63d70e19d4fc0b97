"""What a test holds: the running system, an account in it, and a way to look at the database without any proxy."""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from api.tokens import Tokens
from db import engine as engines
from db import jobs, users
from db.models import TERMINAL, Job
from db.settings import StorageSettings
from db.storage import open_storage
from pipeline.remote import BASE_NAME
from tests.faults import checker
from tests.faults.process import Process
from tests.faults.system import DISPATCHERS, GATEWAYS, System

SPEC: Final = {"width": 64, "height": 64, "fps": 16, "duration_seconds": 1.0}
"""One span. Every video has a shade of its own, so that no job can pass with the picture of another."""
AWAY: Final = (OSError, DBAPIError)
LOOK_SECONDS: Final = 0.1


class World:
    def __init__(self, system: System) -> None:
        self.system = system
        self.engine = engines.connect(system.postgres.url)
        self.sessions = engines.sessions(self.engine)
        self.storage = open_storage(StorageSettings.model_validate(system.storage_settings))
        self.client = httpx.AsyncClient(timeout=10)
        self.accepted: list[UUID] = []
        self.canceled: set[UUID] = set()
        """Those for which the answer to a cancel was that it will end so."""
        self.server_errors: list[str] = []
        self.interrupted: list[str] = []
        """Requests whose answer was cut off; not those for which nobody listened."""
        self._tokens = Tokens(system.secret, 3600)
        self._seeds = itertools.count(secrets.randbelow(200))
        self.user: UUID

    async def open(self) -> None:
        await self._empty()
        self.user = await self.make_user()

    async def close(self) -> None:
        await self.client.aclose()
        await self.engine.dispose()

    async def _empty(self) -> None:
        async with self.engine.begin() as connection:
            if not await connection.scalar(text("SELECT to_regclass('audit.moves')")):
                for statement in _statements(Path(__file__).with_name("audit.sql").read_text()):
                    await connection.exec_driver_sql(statement)
            await connection.execute(text("TRUNCATE jobs, audit.moves, audit.falls CASCADE"))

    async def make_user(self) -> UUID:
        async with self.sessions.begin() as session:
            made = await users.create(session, email=f"{secrets.token_hex(6)}@example.com", password_hash="x")
            return made.id

    # What a client does

    async def ask(
        self, method: str, path: str, *, gateways: Iterable[str] = GATEWAYS, user: UUID | None = None, **values: Any
    ) -> httpx.Response:
        """Ask the gateways in turn, any of them first, until one answers, as a patient client does."""
        headers = {**self.headers(user), **values.pop("headers", {})}
        names = itertools.cycle(random.sample(list(gateways), len(list(gateways))))
        end = time.monotonic() + 60
        while True:
            name = next(names)
            try:
                answer = await self.client.request(method, self.system.url(name) + path, headers=headers, **values)
                if answer.status_code < 500:
                    return answer
                self.server_errors.append(f"{name} {method} {path}: {answer.status_code}")
            except (httpx.ConnectError, httpx.ConnectTimeout):
                pass
            except httpx.TransportError as error:
                self.interrupted.append(f"{name} {method} {path}: {type(error).__name__}")
            assert time.monotonic() < end, f"no gateway answers {method} {path}: {self.server_errors[-1:]}"
            await asyncio.sleep(0.1)

    def headers(self, user: UUID | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(user)}"}

    def token(self, user: UUID | None = None) -> str:
        return self._tokens.access(user or self.user)

    def spec(self, prompt: str, **values: Any) -> dict[str, Any]:
        return {"prompt": prompt or "nothing special", "seed": next(self._seeds), **SPEC, **values}

    async def submit(self, prompt: str = "", *, user: UUID | None = None, **values: Any) -> UUID:
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        answer = await self.ask("POST", "/api/generate", json=self.spec(prompt, **values), headers=headers, user=user)
        assert answer.status_code == httpx.codes.CREATED, answer.text
        self.accepted.append(UUID(answer.json()["job_id"]))
        return self.accepted[-1]

    async def cancel(self, job_id: UUID, user: UUID | None = None) -> str:
        answer = await self.ask("POST", f"/api/jobs/{job_id}/cancel", user=user)
        status = str(answer.json()["status"])
        if status in ("canceling", "canceled"):
            self.canceled.add(job_id)
        return status

    # What only a test can see

    async def row(self, job_id: UUID) -> Job:
        while True:
            try:
                async with self.sessions() as session:
                    return (await jobs.by_ids(session, [job_id]))[0]
            except AWAY:
                await asyncio.sleep(LOOK_SECONDS)

    async def until(self, job_id: UUID, true: Callable[[Job], bool], seconds: float, what: str) -> Job:
        end = time.monotonic() + seconds
        while not true(job := await self.row(job_id)):
            assert time.monotonic() < end, f"not within {seconds} s: {what}; {_shown(job)}\n{self._last_words()}"
            await asyncio.sleep(LOOK_SECONDS)
        return job

    async def running(self, job_id: UUID, seconds: float = 30) -> Job:
        return await self.until(job_id, lambda job: job.status == "running", seconds, "it runs")

    async def in_stage(self, job_id: UUID, stage: str, seconds: float = 30) -> Job:
        def there(job: Job) -> bool:
            return job.status == "running" and job.progress.get("stage") == stage

        return await self.until(job_id, there, seconds, f"it is in {stage}")

    async def ended(self, job_id: UUID, seconds: float = 60) -> Job:
        return await self.until(job_id, lambda job: job.status in TERMINAL, seconds, "it has ended")

    async def succeeded(self, *job_ids: UUID, seconds: float = 60) -> list[Job]:
        ended = [await self.ended(job_id, seconds) for job_id in job_ids]
        assert [job.status for job in ended] == ["succeeded"] * len(ended), "\n".join(map(_shown, ended))
        return ended

    async def outcomes(self, job_id: UUID) -> list[str | None]:
        query = text("SELECT outcome FROM attempts WHERE job_id = :id ORDER BY attempt")
        async with self.sessions() as session:
            return list(await session.scalars(query, {"id": job_id}))

    async def attempts_of(self, dispatcher: Process) -> int:
        query = text("SELECT count(*) FROM attempts WHERE lease_owner LIKE :owner")
        async with self.sessions() as session:
            return int(await session.scalar(query, {"owner": f"%:{dispatcher.pid}:%"}) or 0)

    async def eventually(self, true: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
        end = time.monotonic() + seconds
        while not await true():
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            await asyncio.sleep(LOOK_SECONDS)

    async def objects(self, job_id: UUID, attempt: int = 1) -> list[str]:
        """What lies under the key of an attempt, but for the base clip: that may outlive it."""
        found = [stored.key for stored in await self.storage.list(f"jobs/{job_id}/{attempt}/")]
        return [key for key in found if not key.endswith(BASE_NAME)]

    def nothing_of(self, job_id: UUID) -> Callable[[], Awaitable[bool]]:
        """Whether the first attempt has left no object."""

        async def gone() -> bool:
            return not await self.objects(job_id)

        return gone

    def said(self, process: Process, event: str, job_id: UUID) -> Callable[[], Awaitable[bool]]:
        async def said() -> bool:
            lines = process.log.read_text(errors="replace").splitlines()
            return any(event in line and str(job_id) in line for line in lines)

        return said

    def owner(self, job: Job) -> Process:
        """The dispatcher that holds the lease of a running job."""
        assert job.lease_owner is not None
        pid = int(job.lease_owner.split(":")[1])
        return next(it for it in map(self.system.processes.get, DISPATCHERS) if it and it.pid == pid)

    # Failpoints

    def hold(self, name: str) -> None:
        """From now on processes wait at this failpoint."""
        (self.system.failpoints / f"{name}.stop").touch()

    def release(self, name: str) -> None:
        (self.system.failpoints / f"{name}.stop").unlink(missing_ok=True)

    async def reached(self, name: str, seconds: float = 40) -> int:
        """Wait until a process is held there; its number."""
        end = time.monotonic() + seconds
        while not (signs := list(self.system.failpoints.glob(f"{name}.reached.*"))):
            assert time.monotonic() < end, f"nobody came to {name} within {seconds} s\n{self._last_words()}"
            await asyncio.sleep(LOOK_SECONDS)
        pid = int(signs[0].name.rpartition(".")[2])
        signs[0].unlink()
        return pid

    def process(self, pid: int) -> Process:
        return next(process for process in self.system.processes.values() if process.pid == pid)

    def _last_words(self) -> str:
        return "\n".join(process.last_words(8) for process in self.system.processes.values())

    async def check(self) -> None:
        """All invariants, at the end of a run: every job has ended, and as promised."""
        for job_id in self.accepted:
            await self.ended(job_id)
        found = await checker.problems(self.sessions, self.storage, self.accepted)
        for job_id in self.canceled:
            if (status := (await self.row(job_id)).status) != "canceled":
                found.append(f"a cancel was accepted, and it ended {status}: {job_id}")
        assert not found, "\n".join(found)


def _shown(job: Job) -> str:
    return (
        f"job {job.id} is {job.status}, attempt {job.attempt}, {job.failures} failures, {job.losses} losses, "
        f"error {job.error}, progress {job.progress.get('message')}, lease {job.lease_owner}"
    )


def _statements(script: str) -> list[str]:
    """The statements of a script, one by one; a function's body stays whole."""
    head, function, trigger = script.partition("CREATE FUNCTION")[0], *_function(script)
    return [*(s for s in head.split(";") if s.strip()), function, trigger]


def _function(script: str) -> tuple[str, str]:
    body = script[script.index("CREATE FUNCTION") :]
    end = body.index("END $$;") + len("END $$;")
    return body[:end], body[end:]
