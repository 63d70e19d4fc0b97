"""The process that deploys the stages: `python -m pipeline.cluster`.

It starts a Ray head, deploys the stages, and watches the cluster. The address of the head goes to `ray_address_file`.
If RAY_ADDRESS names an existing cluster, the process starts no head, but deploys the stages there, and removes them
when it is stopped. It changes nothing else on that cluster.

A head has no dashboard and requires a token (RAY_AUTH_TOKEN_PATH): Ray listens on all interfaces whatever address it is
given, so the token is what protects it.
"""

import asyncio
import os
import signal
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import ray
import structlog
from ray import serve
from ray.serve.schema import ApplicationStatus

from db.settings import StorageSettings
from pipeline.cluster import applications
from pipeline.cluster.client import NAMESPACE, connect, find_head, head_answers
from pipeline.cluster.deployments import deploy
from pipeline.cluster.errors import ClusterError, StagesFailed
from pipeline.cluster.local_node import fork_server, start_node
from pipeline.cluster.nodes import check_nodes, identify_folder
from pipeline.contract.progress import Stage
from pipeline.contract.version import VERSION
from pipeline.settings import PipelineSettings, write_ready_file

log = structlog.get_logger()

HEALTH_SECONDS: Final = 5.0
STATUS_SECONDS: Final = 0.2


async def run(settings: PipelineSettings) -> int:
    """Run until a signal arrives; EX_TEMPFAIL if the cluster stops answering, 1 if the stages do not start."""
    stop = asyncio.Event()
    settings.ray_address_file.unlink(missing_ok=True)  # left over from a head that was killed
    storage = StorageSettings()
    try:
        if settings.ray_address:
            return await run_on_existing_cluster(settings, storage, stop)
        workers: AbstractContextManager[dict[str, Any]]
        workers = fork_server(settings.stages) if settings.fork_workers else nullcontext({})
        with workers as parameters:
            await asyncio.to_thread(start_head, settings, parameters)
            stop_on_signals(stop)
            await asyncio.to_thread(deploy, settings, storage)
            return await watch(settings, stop)
    except ClusterError as error:
        log.error("the stages did not start", error=str(error))
        return 1
    finally:
        settings.ray_address_file.unlink(missing_ok=True)
        ray.shutdown()


def start_head(settings: PipelineSettings, parameters: dict[str, Any]) -> None:
    context = start_node(
        parameters,
        namespace=NAMESPACE,
        num_cpus=settings.ray_num_cpus,
        object_store_memory=settings.ray_object_store_bytes,
        include_dashboard=False,
        logging_level="warning",
        _node_ip_address=settings.ray_node_ip,
    )
    write_atomically(settings.ray_address_file, str(context.address_info["gcs_address"]))


async def run_on_existing_cluster(settings: PipelineSettings, storage: StorageSettings, stop: asyncio.Event) -> int:
    """As `run`. Applications that this process has added are removed, unless the cluster is lost."""
    await asyncio.to_thread(connect, settings.ray_address, settings.ray_node)
    stop_on_signals(stop)
    settings, storage = with_absolute_paths(settings, storage)
    folder = storage.storage_dir
    folder_id = identify_folder(folder) if folder else None
    await asyncio.to_thread(check_nodes, VERSION, folder, folder_id)
    before = await asyncio.to_thread(applications.found_on_cluster)
    await asyncio.to_thread(deploy, settings, storage, folder_id)
    deployed = await asyncio.to_thread(applications.found_on_cluster)
    try:
        status = await watch(settings, stop)
    except StagesFailed:
        # Serve keeps the replicas of a version that ran before.
        await asyncio.to_thread(applications.remove, {name: deployed[name] for name in deployed.keys() - before.keys()})
        raise
    if status == 0:
        await asyncio.to_thread(applications.remove, deployed)
    return status


def with_absolute_paths(
    settings: PipelineSettings, storage: StorageSettings
) -> tuple[PipelineSettings, StorageSettings]:
    """The settings for replicas: their working directory is not that of this process."""
    paths = {"models_dir": settings.models_dir.absolute(), "models_file": settings.own_models_file.absolute()}
    folder = storage.storage_dir and str(Path(storage.storage_dir).absolute())
    return settings.model_copy(update=paths), storage.model_copy(update={"storage_dir": folder})


async def watch(settings: PipelineSettings, stop: asyncio.Event) -> int:
    """Wait until the stages run, and then until `stop` is set (0) or the cluster does not answer (EX_TEMPFAIL)."""
    await wait_until_running(stop)
    if not stop.is_set():
        log.info("ready", address=find_head(settings))
        write_ready_file()
    while not stop.is_set():
        if not await head_answers():
            return os.EX_TEMPFAIL
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await stop.wait()
        except TimeoutError:
            continue
    return 0


async def wait_until_running(stop: asyncio.Event) -> None:
    """Wait until all stages run or `stop` is set, and log why replicas do not start. Raises StagesFailed."""
    logged: dict[Stage, str] = {}
    waiting_for: list[Stage] = []
    while not stop.is_set():
        status = await asyncio.to_thread(serve.status)
        if applications.stages_running(status):
            return
        running = applications.with_status(ApplicationStatus.RUNNING, status)
        if waiting_for != (waiting_for := [stage for stage in Stage if stage not in running]):
            log.info("waiting for stages", stages=waiting_for)
        problems = applications.start_problems(status)
        for stage, cause in problems.items():
            if logged.get(stage) != cause:
                log.warning("replica does not start", stage=stage, cause=cause)
        logged |= problems
        if failed := applications.with_status(ApplicationStatus.DEPLOY_FAILED, status):
            raise StagesFailed(f"{failed[0]}: {problems.get(failed[0], 'see the logs of the Serve controller')}")
        await asyncio.sleep(STATUS_SECONDS)


def stop_on_signals(stop: asyncio.Event) -> None:
    """Call this after connecting: Ray installs its own handlers."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


def write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)
