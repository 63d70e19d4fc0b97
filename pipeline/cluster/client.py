"""The connection of a dispatcher to a Ray cluster."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

import ray
import structlog
from pydantic import ValidationError
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle

from db.tables import Job
from pipeline.cluster.applications import count_replicas, get_handles, stages_deployed, stages_running
from pipeline.cluster.errors import CannotConnect
from pipeline.cluster.stages import RayStages
from pipeline.contract.base_clip import BaseClip
from pipeline.contract.progress import Stage
from pipeline.contract.source_file import FindSource
from pipeline.settings import PipelineSettings

log = structlog.get_logger()

NAMESPACE: Final = "aura"
JOIN_SECONDS: Final = 0.5
CONNECT_SECONDS: Final = 3.0
# A head that does not answer for this long is lost.
ANSWER_SECONDS: Final = 15.0
# A dying head still answers after its replicas are gone, so wait before asking.
DYING_SECONDS: Final = 6.0
MAX_REASON_CHARS: Final = 400
# What to look at, by a part of Ray's message. Ray answers a wrong token with a failure to connect.
HINTS: Final = {
    "Failed to connect to Ray cluster": "are RAY_AUTH_MODE and the token (RAY_AUTH_TOKEN_PATH) those of the cluster?",
    "No node info found": "no Ray node of this cluster runs on this host (or none at RAY_NODE_IP)",
}


class RayCluster:
    """The stages of all jobs of one process."""

    def __init__(self, settings: PipelineSettings, handles: dict[Stage, DeploymentHandle[Any]]) -> None:
        self._settings, self._handles = settings, handles

    @classmethod
    async def join(cls, settings: PipelineSettings, stop: asyncio.Event) -> Self | None:
        """Connect this process and wait until all stages run; None if `stop` was set before."""
        while not stop.is_set():
            if address := find_head(settings):
                try:
                    await asyncio.to_thread(connect, address, settings.ray_node)
                    break
                except CannotConnect as error:
                    log.info("the Ray head does not answer yet", error=str(error))
            await asyncio.sleep(JOIN_SECONDS)
        while not stop.is_set():
            if stages_running(await asyncio.to_thread(serve.status)):
                return cls(settings, get_handles())
            await asyncio.sleep(JOIN_SECONDS)
        return None

    def open_stages(
        self, job: Job, *, prefix: str, keep: Callable[[BaseClip], Awaitable[None]], find_source: FindSource
    ) -> RayStages:
        return RayStages(
            self._handles,
            prefix=prefix,
            window=self._settings.window,
            silence_seconds=self._settings.stage_silence_seconds,
            keep=keep,
            find_source=find_source,
            base=read_base(job),
            reduced=job.reduced,
        )

    async def is_alive(self) -> bool:
        """Whether the cluster answers some seconds from now, and the stages are deployed. For use after one was lost.

        On an existing cluster, stages are removed when their process is stopped, and deployed again when it is started.
        Neither is the fault of a job.
        """
        await asyncio.sleep(DYING_SECONDS)
        return await answers(lambda: bool(ray.nodes()) and stages_deployed(serve.status()))

    async def answers(self) -> bool:
        return await head_answers()

    async def replicas(self) -> dict[str, dict[str, int]]:
        """How many replicas each stage has in which state; empty if Serve does not answer."""
        found: dict[str, dict[str, int]] = {}

        def read() -> bool:
            found.update(count_replicas(serve.status()))
            return True

        return dict(found) if await answers(read) else {}


def read_base(job: Job) -> BaseClip | None:
    """The kept base clip of a job; None if there is none or another version wrote it in a form unknown here."""
    try:
        return BaseClip.model_validate(job.base) if job.base else None
    except ValidationError:
        log.warning("kept base clip not readable", job_id=str(job.id))
        return None


def find_head(settings: PipelineSettings) -> str | None:
    """The address of the head: as configured, else as a local head wrote it to `ray_address_file`."""
    if settings.ray_address:
        return settings.ray_address
    return settings.ray_address_file.read_text() if settings.ray_address_file.exists() else None


def connect(address: str, node_ip: str | None = None) -> None:
    """Connect this process to a head. Raises CannotConnect with the reason in one line.

    `node_ip` is the address of the node on this host through which the process connects; None: the only one, or the
    head. A TCP connection is tried first: Ray waits minutes for a head that is gone.
    """
    host, _, port = address.rpartition(":")
    try:
        if host and "/" not in host:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        ray.init(address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False, _node_ip_address=node_ip)
    except (OSError, RuntimeError, ValueError) as error:
        raise CannotConnect(f"{address}: {explain(error)}") from error


def explain(error: Exception) -> str:
    """One line, with what to check if Ray's message does not name it."""
    text = " ".join(str(error).split())[:MAX_REASON_CHARS]
    return next((f"{text}: {hint}" for part, hint in HINTS.items() if part in text), text)


async def head_answers() -> bool:
    """Whether the head answers this process in time."""
    return await answers(lambda: bool(ray.nodes()))


async def answers(question: Callable[[], bool], seconds: float = ANSWER_SECONDS) -> bool:
    """Whether Ray answers yes in time. A request without an answer is left to its daemon thread."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def call() -> None:
        try:
            yes = question()
        except (RayError, RayServeException, RuntimeError, ConnectionError):
            yes = False
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(lambda: None if answer.done() else answer.set_result(yes))

    threading.Thread(target=call, daemon=True, name="ray-answers").start()
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return False
