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
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ApplicationStatus

from db.tables import Job
from pipeline.cluster.stages import RayStages
from pipeline.contract.base_clip import BaseClip
from pipeline.contract.progress import Stage
from pipeline.settings import PipelineSettings

log = structlog.get_logger()

NAMESPACE: Final = "aura"
JOIN_SECONDS: Final = 0.5
CONNECT_SECONDS: Final = 3.0
# A head that does not answer for this long is lost.
ANSWER_SECONDS: Final = 15.0
# A dying head still answers after its replicas are gone, so wait before asking.
DYING_SECONDS: Final = 6.0


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
                    await asyncio.to_thread(connect, address)
                    break
                except (OSError, RuntimeError) as error:
                    log.info("the Ray head does not answer yet", error=str(error).partition("\n")[0])
            await asyncio.sleep(JOIN_SECONDS)
        while not stop.is_set():
            if await asyncio.to_thread(stages_running):
                return cls(settings, get_handles())
            await asyncio.sleep(JOIN_SECONDS)
        return None

    def open_stages(self, job: Job, *, prefix: str, keep: Callable[[BaseClip], Awaitable[None]]) -> RayStages:
        return RayStages(
            self._handles,
            prefix=prefix,
            window=self._settings.window,
            silence_seconds=self._settings.stage_silence_seconds,
            keep=keep,
            base=read_base(job),
            reduced=job.reduced,
        )

    async def is_alive(self) -> bool:
        """Whether the cluster answers some seconds from now. For use after a stage was lost."""
        await asyncio.sleep(DYING_SECONDS)
        return await self.answers()

    async def answers(self) -> bool:
        return await head_answers()


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


def connect(address: str) -> None:
    """Connect this process to a head. A TCP connection is tried first: Ray waits minutes for a head that is gone."""
    host, _, port = address.rpartition(":")
    if host and "/" not in host:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    ray.init(address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)


def get_handles() -> dict[Stage, DeploymentHandle[Any]]:
    """The handle of each stage; the process must be connected."""
    return {stage: serve.get_deployment_handle(stage.value, app_name=stage.value) for stage in Stage}


def stages_running() -> bool:
    """Whether all five applications run."""
    applications = serve.status().applications
    return all(stage in applications and applications[stage].status == ApplicationStatus.RUNNING for stage in Stage)


async def head_answers(seconds: float = ANSWER_SECONDS) -> bool:
    """Whether the head answers this process in time. A request without answer is left to its daemon thread."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def ask() -> None:
        try:
            answers = bool(ray.nodes())
        except (RayError, RuntimeError, ConnectionError):
            answers = False
        with contextlib.suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(lambda: None if answer.done() else answer.set_result(answers))

    threading.Thread(target=ask, daemon=True, name="head-answers").start()
    try:
        return await asyncio.wait_for(answer, seconds)
    except TimeoutError:
        return False
