"""Takes jobs from the database through the five stages. Dispatchers run side by side, without a leader."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import dispatchers, stage_rates
from db.errors import DATABASE_ERRORS, is_transient
from db.jobs import leases
from db.listen import listen
from db.logs import first_line
from db.storage import figures
from db.storage.base import Storage
from db.tables import Job, Json
from pipeline.contract.version import VERSION
from pipeline.settings import PipelineSettings
from pipeline.worker.attempt import Attempt, Cluster, ClusterLost
from pipeline.worker.maintenance import JITTER, collect_garbage, measure_storage, repeat, rescue

log = structlog.get_logger()

# How long a dispatcher that stops waits for the database.
LEAVE_SECONDS: Final = 5.0


async def unknown_replicas() -> Json:
    """Stages that run in this process have no replicas."""
    return {}


class Dispatcher:
    def __init__(
        self,
        *,
        owner: str,
        sessions: async_sessionmaker[AsyncSession],
        storage: Storage,
        cluster: Cluster,
        settings: PipelineSettings,
        database_url: str,
        replicas: Callable[[], Awaitable[Json]] = unknown_replicas,
    ) -> None:
        """`owner` is the lease owner of every job this dispatcher claims; unique per process.

        `replicas` counts the replicas of each stage by state, for administrators.
        """
        self._owner = owner
        self._sessions, self._storage, self._cluster, self._settings = sessions, storage, cluster, settings
        self._database_url = database_url
        self._replicas = replicas
        self._attempts: dict[asyncio.Task[None], Attempt] = {}
        # The answer to a claim was lost: a job may be leased to this owner without an attempt running for it.
        self._claim_uncertain = False
        self._wake = asyncio.Event()
        self._cluster_lost = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Claim and run jobs until `stop` is set, then give back the running ones. Raises ClusterLost."""
        settings = self._settings
        loops = [
            asyncio.create_task(loop)
            for loop in (
                self._claim_jobs(),
                self._receive(),
                self._cluster_lost.wait(),
                repeat(settings.rescue_seconds, self._rescue),
                repeat(settings.sweep_seconds, self._collect_garbage),
                repeat(dispatchers.SEEN_SECONDS, self._write_seen),
                repeat(figures.MEASURE_SECONDS, self._measure_storage),
            )
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [stopping, *loops, *self._attempts]
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await self._leave()
        for result in results:
            if isinstance(result, Exception):
                raise result
        if self._cluster_lost.is_set():
            raise ClusterLost

    async def _claim_jobs(self) -> None:
        while True:
            self._wake.clear()
            while len(self._attempts) < self._settings.dispatcher_jobs and await self._claim_one():
                pass
            try:
                async with asyncio.timeout(self._settings.poll_seconds * random.uniform(*JITTER)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _claim_one(self) -> bool:
        """Claim a job and start an attempt. False if no job can start now."""
        try:
            async with self._sessions.begin() as session:
                job = await self._claim(session)
                rates = await stage_rates.rates(session, str(job.spec.get("model"))) if job else {}
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                raise
            log.warning("claim failed", error=first_line(error))
            self._claim_uncertain = True
            return False
        if job is None:
            return False
        attempt = Attempt(
            job,
            sessions=self._sessions,
            storage=self._storage,
            cluster=self._cluster,
            settings=self._settings,
            rates=rates,
        )
        task = asyncio.create_task(attempt.run(), name=str(job.id))
        self._attempts[task] = attempt
        task.add_done_callback(self._attempt_ended)
        log.info("claimed", job_id=str(job.id), attempt=job.attempt)
        return True

    async def _claim(self, session: AsyncSession) -> Job | None:
        if self._claim_uncertain:
            known = [attempt.lease.job_id for attempt in self._attempts.values()]
            if job := await leases.claimed(session, owner=self._owner, known=known):
                return job
            self._claim_uncertain = False
        return await leases.claim(
            session,
            owner=self._owner,
            running_per_user=self._settings.running_per_user,
            lease_seconds=self._settings.lease_seconds,
        )

    def _attempt_ended(self, task: "asyncio.Task[None]") -> None:
        self._attempts.pop(task, None)
        self._wake.set()
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, ClusterLost):
            self._cluster_lost.set()
        else:
            log.error("attempt ended with an error: its lease will expire", job_id=task.get_name(), exc_info=error)

    async def _receive(self) -> None:
        """Act on notifications: claim when a job was enqueued, check for a cancel request when one was made."""
        async for notification in listen(self._database_url, "jobs"):
            kind, job_id = notification.get("type"), notification.get("job_id")
            if kind in ("enqueued", "reconnected"):
                self._wake.set()
            if kind in ("cancel", "reconnected"):
                for attempt in self._attempts.values():
                    if job_id is None or job_id == str(attempt.lease.job_id):
                        attempt.check_cancel()

    async def _rescue(self) -> None:
        if await rescue(self._sessions, self._settings):
            self._wake.set()

    async def _collect_garbage(self) -> None:
        await collect_garbage(self._sessions, self._storage)

    async def _measure_storage(self) -> None:
        await measure_storage(self._sessions)

    async def _write_seen(self) -> None:
        """Write that this dispatcher runs, for administrators."""
        replicas = await self._replicas()
        async with self._sessions.begin() as session:
            await dispatchers.seen(
                session, owner=self._owner, version=VERSION, jobs=self._settings.dispatcher_jobs, replicas=replicas
            )

    async def _leave(self) -> None:
        """Give back a job of a claim that was canceled during its COMMIT, and remove this dispatcher from the list.

        If the database does not answer, the lease expires, and the dispatcher is listed as lost for a day.
        """
        try:
            async with asyncio.timeout(LEAVE_SECONDS), self._sessions.begin() as session:
                while job := await leases.claimed(session, owner=self._owner, known=()):
                    await leases.give_back(session, leases.lease_of(job))
                await dispatchers.remove(session, self._owner)
        except (TimeoutError, *DATABASE_ERRORS) as error:
            log.warning("jobs not given back, and dispatcher not removed from the list", error=first_line(error))
