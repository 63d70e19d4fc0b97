"""The process of the Ray head: `python -m pipeline.cluster`.

It starts a head, deploys the stages, and watches the cluster. The address goes to `ray_address_file`. If RAY_ADDRESS
names an existing cluster, the process starts no head, but deploys the stages there.

The head has no dashboard and requires a token (RAY_AUTH_TOKEN_PATH): Ray listens on all interfaces whatever address it
is given, so the token is what protects it.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Final

import ray
import structlog

from pipeline.cluster.client import NAMESPACE, connect, find_head, head_answers
from pipeline.cluster.deployments import deploy
from pipeline.settings import PipelineSettings, write_ready_file

log = structlog.get_logger()

HEALTH_SECONDS: Final = 5.0


def start(settings: PipelineSettings) -> None:
    """Deploy the stages on the cluster that RAY_ADDRESS names, or on a head started by this process."""
    if settings.ray_address:
        connect(settings.ray_address)
    else:
        start_head(settings)
    deploy(settings)


def start_head(settings: PipelineSettings) -> None:
    context = ray.init(
        namespace=NAMESPACE,
        num_cpus=settings.ray_num_cpus,
        object_store_memory=settings.ray_object_store_bytes,
        include_dashboard=False,
        logging_level="warning",
        _node_ip_address=settings.ray_node_ip,
    )
    write_atomically(settings.ray_address_file, str(context.address_info["gcs_address"]))


def write_atomically(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


async def run(settings: PipelineSettings) -> int:
    """Run until a signal arrives; EX_TEMPFAIL if the cluster stops answering."""
    stop = asyncio.Event()
    settings.ray_address_file.unlink(missing_ok=True)  # left over from a head that was killed
    try:
        await asyncio.to_thread(start, settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
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
    finally:
        settings.ray_address_file.unlink(missing_ok=True)
        ray.shutdown()
