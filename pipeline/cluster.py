"""The Ray cluster: how a dispatcher joins one, and the program that is one (`python -m pipeline.cluster`).

The head has no dashboard and asks for a token (RAY_AUTH_TOKEN_PATH): Ray listens on every interface whatever it is
told, so the token is what keeps strangers out. It writes where it can be found to `ray_address_file`. Where RAY_ADDRESS
names a cluster that is there already, this program starts no head but deploys the stages on it and watches them.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Final

import ray
import structlog
from ray.exceptions import RayError

from pipeline import logs, serve
from pipeline.settings import PipelineSettings, prepare_ray, say_ready

log = structlog.get_logger()

NAMESPACE: Final = "aura"
JOIN_SECONDS: Final = 0.5
KNOCK_SECONDS: Final = 3.0
HEALTH_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 15.0
"""A head that does not answer for so long is gone."""


async def join(settings: PipelineSettings, stop: asyncio.Event) -> bool:
    """Connect this process to the cluster and wait until all stages run; False when `stop` came first."""
    while not stop.is_set():
        if address := find(settings):
            try:
                await asyncio.to_thread(_connect, address)
                break
            except (OSError, RuntimeError) as error:
                log.info("the Ray head does not answer yet", error=str(error).partition("\n")[0])
        await asyncio.sleep(JOIN_SECONDS)
    while not stop.is_set():
        if await asyncio.to_thread(serve.ready):
            return True
        await asyncio.sleep(JOIN_SECONDS)
    return False


def find(settings: PipelineSettings) -> str | None:
    """The address of the head: as configured, or as a local head has written it down."""
    if settings.ray_address:
        return settings.ray_address
    return settings.ray_address_file.read_text() if settings.ray_address_file.exists() else None


def _connect(address: str) -> None:
    """Knock first: for a head that is gone, whose address still stands in the file, Ray would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and "/" not in host:
        socket.create_connection((host, int(port)), KNOCK_SECONDS).close()
    ray.init(address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)


def start(settings: PipelineSettings) -> None:
    """Put the five stages on the cluster that RAY_ADDRESS names, or on a head that this process becomes."""
    if settings.ray_address:
        _connect(settings.ray_address)
    else:
        _become_head(settings)
    serve.deploy(settings)


def _become_head(settings: PipelineSettings) -> None:
    context = ray.init(
        namespace=NAMESPACE,
        num_cpus=settings.ray_num_cpus,
        object_store_memory=settings.ray_object_store_bytes,
        include_dashboard=False,
        logging_level="warning",
        _node_ip_address=settings.ray_node_ip,
    )
    write_down(settings.ray_address_file, str(context.address_info["gcs_address"]))


async def alive(seconds: float = ANSWER_SECONDS) -> bool:
    """Whether the head of the cluster still answers this process. Nobody waits for a thread that asks in vain."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def ask() -> None:
        try:
            known = bool(ray.nodes())
        except (RayError, RuntimeError, ConnectionError):
            known = False
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if answer.done() else answer.set_result(known))

    threading.Thread(target=ask, daemon=True, name="alive").start()
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return False


def write_down(path: Path, text: str) -> None:
    """Write a file that is never seen half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)


async def stand(settings: PipelineSettings) -> int:
    """Run the head until a signal comes; leave with EX_TEMPFAIL when the cluster broke."""
    stop = asyncio.Event()
    settings.ray_address_file.unlink(missing_ok=True)  # of a head that was killed
    try:
        await asyncio.to_thread(start, settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        log.info("ready", address=find(settings))
        say_ready()
        while not stop.is_set():
            if not await alive():
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


if __name__ == "__main__":
    prepare_ray()
    logs.configure()
    sys.exit(asyncio.run(stand(PipelineSettings())))
