"""The process of a dispatcher: `python -m pipeline.dispatch`.

On SIGTERM it gives its jobs back and ends. When the Ray cluster is lost it does the same and exits with EX_TEMPFAIL, so
that its supervisor starts a new process: a process that has lost its cluster cannot reliably connect to the next one.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import uuid
from typing import TYPE_CHECKING, Final

import structlog

from db import logs
from db.engine import connect, sessions
from db.settings import DatabaseSettings, StorageSettings
from db.storage.open import open_storage
from pipeline.settings import PipelineSettings, prepare_ray, write_ready_file
from pipeline.worker.attempt import ClusterLost
from pipeline.worker.dispatcher import Dispatcher

if TYPE_CHECKING:
    from pipeline.cluster.client import RayCluster

log = structlog.get_logger()

CLUSTER_CHECK_SECONDS: Final = 2.0


async def watch_cluster(cluster: "RayCluster", stop: asyncio.Event) -> bool:
    """Return when `stop` is set (True) or the cluster does not answer any more (False)."""
    while not stop.is_set():
        if not await cluster.answers():
            return False
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), CLUSTER_CHECK_SECONDS)
    return True


def stop_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def run(settings: PipelineSettings) -> int:
    """Run a dispatcher until a signal arrives; the exit status of the process."""
    from pipeline.cluster.client import RayCluster  # not earlier: Ray reads its environment when it is imported

    stop = asyncio.Event()
    stop_on_signals(stop)
    cluster = await RayCluster.join(settings, stop)
    if cluster is None:
        return 0
    stop_on_signals(stop)  # again: Ray has installed its own handlers
    database = DatabaseSettings()
    engine = connect(database.database_url)
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    dispatcher = Dispatcher(
        owner=owner,
        sessions=sessions(engine),
        storage=open_storage(StorageSettings()),
        cluster=cluster,
        settings=settings,
        database_url=database.database_url,
        replicas=cluster.replicas,
    )
    log.info("ready", owner=owner, jobs=settings.dispatcher_jobs)
    gc.freeze()  # keeps the collection after each span short: what is loaded by now is never garbage
    write_ready_file()
    watching = asyncio.create_task(watch_cluster(cluster, stop))
    watching.add_done_callback(lambda _: stop.set())
    try:
        await dispatcher.run(stop)
        if await watching:
            return 0
    except ClusterLost:
        watching.cancel()
    finally:
        await engine.dispose()
    log.error("the Ray cluster does not answer: jobs given back")
    return os.EX_TEMPFAIL


if __name__ == "__main__":
    prepare_ray()
    logs.configure()
    sys.exit(asyncio.run(run(PipelineSettings())))
