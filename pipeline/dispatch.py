"""The dispatcher: takes jobs from the database through the five stages. Any number run side by side, none leads.

On SIGTERM it gives its jobs back and ends. When the cluster is lost it does the same and leaves with EX_TEMPFAIL, so
that whoever supervises it starts a fresh one: a process that has lost its Ray cannot be trusted to find the next.
"""

import asyncio
import contextlib
import gc
import os
import random
import signal
import socket
import sys
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from db import sign_ins, sweep, trash, work
from db.engine import connect, sessions
from db.errors import StorageError
from db.listen import listen
from db.models import Job
from db.settings import DatabaseSettings, StorageSettings
from db.storage import Storage, open_storage
from pipeline import logs
from pipeline.attempt import DATABASE_TROUBLE, Attempt, ClusterLost, away
from pipeline.settings import PipelineSettings, prepare_ray, say_ready

log = structlog.get_logger()

RAY_CHECK_SECONDS: Final = 2.0


class Dispatcher:
    def __init__(
        self,
        *,
        owner: str,
        sessions: async_sessionmaker[AsyncSession],
        storage: Storage,
        handles: Any,
        settings: PipelineSettings,
        database_url: str,
    ) -> None:
        self._owner = owner
        self._sessions, self._storage, self._handles, self._settings = sessions, storage, handles, settings
        self._database_url = database_url
        self._running: dict[asyncio.Task[None], Attempt] = {}
        self._unsure = False
        """The answer to a claim was lost: a job may be ours without our knowing."""
        self._wake = asyncio.Event()
        self._lost = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Claim and run jobs until `stop` is set, or until ClusterLost; then give back what is under way."""
        loops = [
            asyncio.create_task(loop)
            for loop in (
                self._claim_jobs(),
                self._hear(),
                self._lost.wait(),
                self._every(self._settings.rescue_seconds, self._rescue),
                self._every(self._settings.sweep_seconds, self._sweep),
            )
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, *loops], return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [stopping, *loops, *self._running]
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome
        if self._lost.is_set():
            raise ClusterLost

    async def _claim_jobs(self) -> None:
        while True:
            self._wake.clear()
            while len(self._running) < self._settings.dispatcher_jobs and await self._claim_one():
                pass
            try:
                async with asyncio.timeout(self._settings.poll_seconds * random.uniform(0.8, 1.2)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _claim_one(self) -> bool:
        try:
            async with self._sessions.begin() as session:
                job = await self._next(session)
                rates = await work.rates(session) if job else {}
        except DATABASE_TROUBLE as error:
            log.warning("claim failed", error=away(error))
            self._unsure = True
            return False
        if job is None:
            return False
        attempt = Attempt(
            job,
            work.lease_of(job),
            sessions=self._sessions,
            storage=self._storage,
            handles=self._handles,
            settings=self._settings,
            rates=rates,
        )
        task = asyncio.create_task(attempt.run(), name=str(job.id))
        self._running[task] = attempt
        task.add_done_callback(self._ended)
        log.info("claimed", job_id=str(job.id), attempt=job.attempt)
        return True

    async def _next(self, session: AsyncSession) -> Job | None:
        if self._unsure:
            known = [attempt.lease.job_id for attempt in self._running.values()]
            if job := await work.claimed(session, owner=self._owner, known=known):
                return job
            self._unsure = False
        return await work.claim(
            session,
            owner=self._owner,
            running_per_user=self._settings.running_per_user,
            lease_seconds=self._settings.lease_seconds,
        )

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task, None)
        self._wake.set()
        if task.cancelled() or (error := task.exception()) is None:
            return
        if isinstance(error, ClusterLost):
            self._lost.set()
        else:
            log.error("attempt broke: its lease will run out", job_id=task.get_name(), exc_info=error)

    async def _hear(self) -> None:
        async for message in listen(self._database_url, "jobs"):
            if message.get("type") in ("enqueued", "reconnected"):
                self._wake.set()
            if message.get("type") in ("cancel", "reconnected"):
                for attempt in self._running.values():
                    if message.get("job_id", str(attempt.lease.job_id)) == str(attempt.lease.job_id):
                        attempt.look_again()

    async def _every(self, seconds: float, action: Any) -> None:
        while True:
            try:
                await action()
            except (StorageError, *DATABASE_TROUBLE) as error:
                log.warning("will try again", action=action.__name__, error=away(error))
            await asyncio.sleep(seconds * random.uniform(0.8, 1.2))

    async def _rescue(self) -> None:
        async with self._sessions.begin() as session:
            rescued = await work.rescue(session)
        for job in rescued:
            log.warning("rescued", job_id=str(job.job_id), status=job.status, lost_by=job.lost_by)
        if rescued:
            self._wake.set()

    async def _sweep(self) -> None:
        """Rows first: the objects of those that go are then nobody's."""
        rows, objects = (sign_ins.purge, trash.purge), (sweep.expired_bases, sweep.ended_previews, sweep.orphans)
        for purge in rows:
            await self._all(purge, self._purge(purge))
        for clean in objects:
            await self._all(clean, partial(clean, self._sessions, self._storage))

    def _purge(self, purge: Callable[[AsyncSession], Awaitable[int]]) -> Callable[[], Awaitable[int]]:
        async def batch() -> int:
            async with self._sessions.begin() as session:
                return await purge(session)

        return batch

    async def _all(self, what: Callable[..., Any], batch: Callable[[], Awaitable[int]]) -> None:
        removed = sweep.BATCH
        while removed >= sweep.BATCH:
            if removed := await batch():
                log.info("swept", what=f"{what.__module__}.{what.__name__}", removed=removed)


async def watch_ray(stop: asyncio.Event) -> bool:
    """Return when `stop` is set (True) or the cluster no longer answers (False)."""
    from pipeline.cluster import alive

    while not stop.is_set():
        if not await alive():
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), RAY_CHECK_SECONDS)
    return True


def stop_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def main(settings: PipelineSettings) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    from pipeline.cluster import join
    from pipeline.serve import handles

    if not await join(settings, stop):
        return 0
    stop_on_signals(stop)  # again: joining has put Ray's own handlers in their place
    database = DatabaseSettings()
    engine = connect(database.DATABASE_URL)
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    dispatcher = Dispatcher(
        owner=owner,
        sessions=sessions(engine),
        storage=open_storage(StorageSettings()),
        handles=handles(),
        settings=settings,
        database_url=database.DATABASE_URL,
    )
    log.info("ready", owner=owner, jobs=settings.dispatcher_jobs)
    gc.freeze()  # what is loaded stays: the collection after each span then looks at little
    say_ready()
    watching = asyncio.create_task(watch_ray(stop))
    watching.add_done_callback(lambda _: stop.set())
    try:
        await dispatcher.run(stop)
        if await watching:
            return 0
    except ClusterLost:
        watching.cancel()
    finally:
        await engine.dispose()
    log.error("the Ray cluster is gone: jobs given back")
    return os.EX_TEMPFAIL


if __name__ == "__main__":
    prepare_ray()
    logs.configure()
    sys.exit(asyncio.run(main(PipelineSettings())))
