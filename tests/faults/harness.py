"""The view of a test on the running system: a client of the gateways, and direct access to database and store."""

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
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from api.auth.keys import KeyRing
from api.auth.tokens import Tokens
from db import engine as engines
from db import login_sessions, users
from db.errors import is_transient
from db.jobs import queries as jobs
from db.settings import StorageSettings
from db.storage.open import open_storage
from db.tables import TERMINAL, Job
from pipeline.contract.base_clip import BASE_CLIP_FILE
from tests.faults import checker
from tests.faults.process import Process
from tests.faults.system import GATEWAYS, System

# One span. The seed sets the brightness of a video, so a job with the picture of another job is detected.
SPEC: Final = {"width": 64, "height": 64, "fps": 16, "duration_seconds": 1.0}
UNREACHABLE: Final = (OSError, DBAPIError)
POLL_SECONDS: Final = 0.1
REQUEST_SECONDS: Final = 60

Condition = Callable[[], Awaitable[bool]]


class Harness:
    """Bypasses the fault proxies."""

    user: UUID

    def __init__(self, system: System) -> None:
        self.system = system
        self.engine = engines.connect(system.postgres.owner_url)
        self.sessions = engines.sessions(self.engine)
        self.storage = open_storage(
            StorageSettings.model_validate({name.lower(): value for name, value in system.storage_settings.items()})
        )
        self.client = httpx.AsyncClient(timeout=10)
        self.accepted: list[UUID] = []
        # Jobs whose cancel was accepted.
        self.canceled: set[UUID] = set()
        self.server_errors: list[str] = []
        # Requests that reached a gateway but got no complete response.
        self.interrupted: list[str] = []
        self._tokens = Tokens(KeyRing(system.secret.encode()), 3600)
        # The login session of each user.
        self._logins: dict[UUID, UUID] = {}
        self._seeds = itertools.count(secrets.randbelow(200))

    async def open(self) -> None:
        await self._empty_queue()
        self.user = await self.make_user()

    async def close(self) -> None:
        await self.client.aclose()
        await self.engine.dispose()

    async def _empty_queue(self) -> None:
        async with self.engine.begin() as connection:
            if not await connection.scalar(text("SELECT to_regclass('audit.transitions')")):
                for statement in _split_statements(Path(__file__).with_name("audit.sql").read_text()):
                    await connection.exec_driver_sql(statement)
        async for attempt in AsyncRetrying(retry=retry_if_exception(is_transient), stop=stop_after_attempt(10)):
            with attempt:  # the dispatchers are running: TRUNCATE may deadlock with their statements
                async with self.engine.begin() as connection:
                    await connection.execute(text("TRUNCATE jobs, audit.transitions, audit.decreases CASCADE"))

    async def make_user(self) -> UUID:
        async with self.sessions.begin() as session:
            made = await users.create(session, email=f"{secrets.token_hex(6)}@example.com", password_hash="x")
            login = await login_sessions.create(session, user_id=made.id, lifetime_seconds=86_400)
            self._logins[made.id] = login.id
            return made.id

    # Requests

    async def request(
        self, method: str, path: str, *, gateways: Iterable[str] = GATEWAYS, user: UUID | None = None, **values: Any
    ) -> httpx.Response:
        """Send a request to the gateways in random order, and repeat it until one of them responds."""
        headers = {**self.headers(user), **values.pop("headers", {})}
        names = itertools.cycle(random.sample(list(gateways), len(list(gateways))))
        deadline = time.monotonic() + REQUEST_SECONDS
        while True:
            name = next(names)
            try:
                response = await self.client.request(method, self.system.url(name) + path, headers=headers, **values)
                if response.status_code < 500:
                    return response
                self.server_errors.append(f"{name} {method} {path}: {response.status_code}")
            except (httpx.ConnectError, httpx.ConnectTimeout):
                pass
            except httpx.TransportError as error:
                self.interrupted.append(f"{name} {method} {path}: {type(error).__name__}")
            assert time.monotonic() < deadline, f"no gateway answers {method} {path}: {self.server_errors[-1:]}"
            await asyncio.sleep(POLL_SECONDS)

    def headers(self, user: UUID | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(user)}"}

    def token(self, user: UUID | None = None) -> str:
        return self._tokens.issue(user or self.user, self._logins[user or self.user])

    def spec(self, prompt: str, **values: Any) -> dict[str, Any]:
        return {"prompt": prompt or "no instructions", "seed": next(self._seeds), **SPEC, **values}

    async def submit(self, prompt: str = "", *, user: UUID | None = None, **values: Any) -> UUID:
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        spec = self.spec(prompt, **values)
        response = await self.request("POST", "/api/generate", json=spec, headers=headers, user=user)
        assert response.status_code == httpx.codes.CREATED, response.text
        self.accepted.append(UUID(response.json()["job_id"]))
        return self.accepted[-1]

    async def cancel(self, job_id: UUID, user: UUID | None = None) -> str:
        response = await self.request("POST", f"/api/jobs/{job_id}/cancel", user=user)
        status = str(response.json()["status"])
        if status in ("canceling", "canceled"):
            self.canceled.add(job_id)
        return status

    # The database

    async def job(self, job_id: UUID) -> Job:
        while True:
            try:
                async with self.sessions() as session:
                    return (await jobs.by_ids(session, [job_id]))[0]
            except UNREACHABLE:
                await asyncio.sleep(POLL_SECONDS)

    async def wait_for(self, job_id: UUID, condition: Callable[[Job], bool], seconds: float, description: str) -> Job:
        deadline = time.monotonic() + seconds
        while not condition(job := await self.job(job_id)):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {description}; {_describe(job)}\n{self._log_tails()}")
            await asyncio.sleep(POLL_SECONDS)
        return job

    async def wait_until_running(self, job_id: UUID) -> Job:
        return await self.wait_for(job_id, lambda job: job.status == "running", 30, "the job runs")

    async def wait_for_stage(self, job_id: UUID, stage: str) -> Job:
        def in_stage(job: Job) -> bool:
            return job.status == "running" and job.progress.get("stage") == stage

        return await self.wait_for(job_id, in_stage, 30, f"the job is in stage {stage}")

    async def wait_for_end(self, job_id: UUID, seconds: float = 60) -> Job:
        return await self.wait_for(job_id, lambda job: job.status in TERMINAL, seconds, "a terminal state")

    async def wait_for_success(self, *job_ids: UUID, seconds: float = 60) -> list[Job]:
        ended = [await self.wait_for_end(job_id, seconds) for job_id in job_ids]
        assert [job.status for job in ended] == ["succeeded"] * len(ended), "\n".join(map(_describe, ended))
        return ended

    async def outcomes(self, job_id: UUID) -> list[str | None]:
        """The outcome of each attempt."""
        query = text("SELECT outcome FROM attempts WHERE job_id = :id ORDER BY attempt")
        async with self.sessions() as session:
            return list(await session.scalars(query, {"id": job_id}))

    async def count_attempts(self, dispatcher: Process) -> int:
        query = text("SELECT count(*) FROM attempts WHERE lease_owner LIKE :owner")
        async with self.sessions() as session:
            return int(await session.scalar(query, {"owner": f"%:{dispatcher.pid}:%"}) or 0)

    def lease_owner(self, job: Job) -> Process:
        """The dispatcher that holds the lease of a running job."""
        assert job.lease_owner is not None
        return self.process(int(job.lease_owner.split(":")[1]))

    # The object store and the logs

    async def wait_until(self, condition: Condition, seconds: float, description: str) -> None:
        deadline = time.monotonic() + seconds
        while not await condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {description}"
            await asyncio.sleep(POLL_SECONDS)

    async def objects(self, job_id: UUID) -> list[str]:
        """The objects of the first attempt, without the base clip, which may outlive the attempt."""
        found = [stored.key for stored in await self.storage.list(f"jobs/{job_id}/1/")]
        return [key for key in found if not key.endswith(BASE_CLIP_FILE)]

    def has_no_objects(self, job_id: UUID) -> Condition:
        async def condition() -> bool:
            return not await self.objects(job_id)

        return condition

    def has_logged(self, process: Process, event: str, job_id: UUID) -> Condition:
        async def condition() -> bool:
            lines = process.log.read_text(errors="replace").splitlines()
            return any(event in line and str(job_id) in line for line in lines)

        return condition

    # Failpoints

    def hold(self, failpoint: str) -> None:
        """Make processes stop at this failpoint."""
        (self.system.failpoints / f"{failpoint}.stop").touch()

    def release(self, failpoint: str) -> None:
        (self.system.failpoints / f"{failpoint}.stop").unlink(missing_ok=True)

    async def wait_for_arrival(self, failpoint: str, seconds: float = 40) -> Process:
        """Wait until a process is stopped at the failpoint."""
        deadline = time.monotonic() + seconds
        while not (arrivals := list(self.system.failpoints.glob(f"{failpoint}.reached.*"))):
            if time.monotonic() > deadline:
                raise AssertionError(f"no process reached {failpoint} within {seconds} s\n{self._log_tails()}")
            await asyncio.sleep(POLL_SECONDS)
        pid = int(arrivals[0].name.rpartition(".")[2])
        arrivals[0].unlink()
        return self.process(pid)

    async def supervise(self) -> None:
        """Restart ended processes until this task is cancelled."""
        while True:
            self.system.restart_ended()
            await asyncio.sleep(0.5)

    def process(self, pid: int) -> Process:
        return next(process for process in self.system.processes.values() if process.pid == pid)

    def _log_tails(self) -> str:
        return "\n".join(process.log_tail(8) for process in self.system.processes.values())

    async def check(self) -> None:
        """Wait for the end of every accepted job, and check all invariants."""
        for job_id in self.accepted:
            await self.wait_for_end(job_id)
        violations = await checker.find_violations(self.sessions, self.storage, self.accepted)
        for job_id in self.canceled:
            if (status := (await self.job(job_id)).status) != "canceled":
                violations.append(f"its cancel was accepted, but it ended as {status}: {job_id}")
        assert not violations, "\n".join(violations)


def _describe(job: Job) -> str:
    return (
        f"job {job.id} is {job.status}, attempt {job.attempt}, {job.failures} failures, {job.losses} losses, "
        f"error {job.error}, progress {job.progress.get('message')}, lease {job.lease_owner}"
    )


def _split_statements(script: str) -> list[str]:
    """The statements of audit.sql. asyncpg prepares one at a time, and the body of the function contains semicolons."""
    tables, function_and_trigger = script.split("CREATE FUNCTION")
    function, trigger = function_and_trigger.split("END $$;")
    return [*(part for part in tables.split(";") if part.strip()), f"CREATE FUNCTION{function}END $$;", trigger]
