"""The stages as Serve deployments: five applications of one deployment each, scaled independently.

Ray passes frames between them by reference.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, Final

import structlog
from ray import serve
from ray.serve.config import RequestRouterConfig

from db.errors import ObjectMissing
from db.settings import StorageSettings
from db.storage.base import Storage
from db.storage.open import open_storage
from pipeline.clip import Clip, EncodedSpan, Output, Video
from pipeline.cluster.applications import application_name
from pipeline.cluster.nodes import check_node
from pipeline.cluster.replica import FINISHED, StageReplica, TimedClip
from pipeline.cluster.router import LeastLoadedRouter
from pipeline.contract import own_models
from pipeline.contract.base_clip import BaseClip
from pipeline.contract.errors import CheckStopped, ImageGone
from pipeline.contract.plan import Plan, Span, image_hash
from pipeline.contract.progress import Stage
from pipeline.contract.source_file import SourceFile
from pipeline.contract.spec import Spec
from pipeline.contract.version import VERSION
from pipeline.failpoints import failpoint
from pipeline.settings import PipelineSettings

log = structlog.get_logger()

# How long a replica that is being stopped may finish its calls: longer than the longest single step of a stage.
SHUTDOWN_SECONDS: Final = 60.0
# A replica under full load on few cores answers health checks late. Serve replaces it after three failed checks.
HEALTH_TIMEOUT_SECONDS: Final = 120.0
# One call runs and one waits: a replica is never idle, and few calls wait for one replica while another is idle.
ONGOING_REQUESTS: Final = 2
# A call that no replica accepts yet is offered again after this many seconds, then twice as many, up to the second.
BACKOFF_SECONDS: Final = (0.01, 0.05)
# How long `generate` waits for its first event to be consumed, and the time the event needs to leave the process.
BEGIN_SECONDS: Final = 1.0
SEND_SECONDS: Final = 0.02
# Starts of a stage's first replica before the deployment fails; its process is then restarted, and deploys it again.
START_ATTEMPTS: Final = 2
LOGGING: Final = {"log_level": "WARNING", "enable_access_log": False}


class PreprocessDeployment(StageReplica):
    stage = Stage.PREPROCESS

    def _load(self) -> Any:
        own_models.load(self._settings.own_models_file)
        return self._stage_class()(self._settings.models_dir, self._settings.generate_budget)

    async def __call__(self, spec: Spec, reduced: bool) -> Plan:
        return (await self._run(lambda _: self._object(spec, reduced=reduced)))[0]


class GenerateDeployment(StageReplica):
    stage = Stage.GENERATE

    async def __call__(self, plan: Plan) -> AsyncIterator[dict[str, Any] | TimedClip | bool]:
        """Yields `{began}` when the thread starts this job, then `{step, steps, preview}` per step, `{seconds}`, the
        clip, and FINISHED. From `{began}` on, a crash of this process is charged to this job."""
        events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        loop, first_event_sent = asyncio.get_running_loop(), threading.Event()

        def report(step: int, steps: int, preview: bytes | None) -> None:
            loop.call_soon_threadsafe(events.put_nowait, {"step": step, "steps": steps, "preview": preview})

        def draw(check: CheckStopped) -> Clip:
            loop.call_soon_threadsafe(events.put_nowait, {"began": True})
            first_event_sent.wait(BEGIN_SECONDS)
            time.sleep(SEND_SECONDS)  # the caller must have the event before this job can end the process
            clip: Clip = self._object(plan, report, check)
            return clip

        work = asyncio.create_task(self._run(draw))
        work.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
                first_event_sent.set()
            clip, seconds = await work
            yield {"seconds": seconds}
            yield TimedClip(clip, {self.stage: seconds})
            yield FINISHED
        finally:
            work.cancel()
            await asyncio.wait([work])


class InterpolateDeployment(StageReplica):
    stage = Stage.INTERPOLATE

    async def __call__(self, base: TimedClip, plan: Plan, span: Span) -> AsyncIterator[TimedClip | bool]:
        async for item in self._process(base, lambda check: self._object(base.clip, plan, span, check)):
            yield item


class UpscaleDeployment(StageReplica):
    stage = Stage.UPSCALE

    async def __call__(self, frames: TimedClip, plan: Plan) -> AsyncIterator[TimedClip | bool]:
        async for item in self._process(frames, lambda check: self._object(frames.clip, plan, check)):
            yield item


class PostprocessDeployment(StageReplica):
    """Encodes spans, joins them, and stores the files."""

    stage = Stage.POSTPROCESS

    def __init__(
        self,
        settings: PipelineSettings,
        version: str = VERSION,
        *,
        storage: StorageSettings,
        folder_id: str | None = None,
    ) -> None:
        """`folder_id` identifies the folder of objects; None: the store is S3, or all nodes are on this host."""
        check_node(version, storage.storage_dir, folder_id)
        super().__init__(settings, version)
        self._storage: Storage = open_storage(storage)

    def _load(self) -> Any:
        return self._stage_class()(self._settings.postprocess_gpus > 0)

    async def select(self, base: TimedClip, plan: Plan, span: Span) -> AsyncIterator[TimedClip | bool]:
        async for item in self._process(base, lambda _: self._object.select(base.clip, plan, span)):
            yield item

    async def encode(self, frames: TimedClip, plan: Plan, span: Span) -> tuple[EncodedSpan, dict[str, float]]:
        encoded, seconds = await self._run(lambda check: self._object.encode(frames.clip, plan, span, check))
        return encoded, {**frames.seconds, self.stage: seconds}

    async def assemble(self, spans: list[EncodedSpan], plan: Plan, prefix: str) -> tuple[Video, float]:
        """Join the spans and store the files under `prefix`. Each file is read back from the store and verified."""
        video, seconds = await self._run(lambda _: self._object.assemble(spans, plan))
        outputs = tuple([await self._store(output, f"{prefix}/{output.filename}") for output in video.outputs])
        await failpoint("after-upload")
        return Video(outputs, video.resolved, video.warnings), seconds

    async def _store(self, output: Output, key: str) -> Output:
        await self._storage.put(key, output.data, output.content_type)
        stored = await self._storage.get(key)
        await self._run(lambda _: self._object.verify(stored, output))
        return output.stored(key)

    async def frame(self, source: SourceFile, at: float, width: int, height: int) -> str:
        """The frame that a stored video shows at `at` seconds, filling width x height, as a PNG in base64."""
        try:
            data = await self._storage.get(source.key)
        except ObjectMissing as error:
            raise ImageGone from error
        return (await self._run(lambda check: self._object.frame(data, source.sha256, at, width, height, check)))[0]

    async def keep(self, base: TimedClip, plan: Plan, key: str) -> BaseClip:
        """Store the base clip without loss, so that a retry does not repeat the diffusion."""
        data, _ = await self._run(lambda _: self._object.encode_base(base.clip))
        await self._storage.put(key, data, "video/x-matroska")
        return BaseClip(
            key=key,
            content_type="video/x-matroska",
            sha256=sha256(data).hexdigest(),
            size_bytes=len(data),
            width=base.clip.width,
            height=base.clip.height,
            frames=len(base.clip),
            fps=base.clip.fps,
            plan=plan.model_dump(mode="json") | {"image": image_hash(plan.image)},
        )

    async def restore(self, base: BaseClip) -> AsyncIterator[dict[str, Any] | TimedClip | bool]:
        """Yields `{kept}`, whether the object exists undamaged, and if so the clip and FINISHED."""
        try:
            data = await self._storage.get(base.key)
        except ObjectMissing:
            data = b""
        if sha256(data).hexdigest() != base.sha256:
            log.error("kept base clip missing or damaged", key=base.key)
            yield {"kept": False}
            return
        clip, _ = await self._run(lambda _: self._object.decode_base(data))
        yield {"kept": True}
        yield TimedClip(clip, {})
        yield FINISHED


DEPLOYMENTS: Final[dict[Stage, type[StageReplica]]] = {
    Stage.PREPROCESS: PreprocessDeployment,
    Stage.GENERATE: GenerateDeployment,
    Stage.INTERPOLATE: InterpolateDeployment,
    Stage.UPSCALE: UpscaleDeployment,
    Stage.POSTPROCESS: PostprocessDeployment,
}


def build_application(
    stage: Stage, settings: PipelineSettings, storage: StorageSettings, folder_id: str | None
) -> serve.Application:
    """One stage as a Serve application. Every default that is too short for long jobs is set.

    A replica gets all settings as arguments. Serve shows environments and user configurations in its dashboard and its
    logs, but no arguments; only `postprocess` gets those of the object store, with its keys.
    """
    deployment = serve.deployment(
        DEPLOYMENTS[stage],
        name=stage.value,
        num_replicas=settings.replicas(stage),
        ray_actor_options={"num_cpus": settings.stage_cpus, "num_gpus": settings.gpus(stage)},
        max_ongoing_requests=ONGOING_REQUESTS,
        request_router_config=RequestRouterConfig(
            request_router_class=LeastLoadedRouter,
            initial_backoff_s=BACKOFF_SECONDS[0],
            max_backoff_s=BACKOFF_SECONDS[1],
        ),
        graceful_shutdown_timeout_s=SHUTDOWN_SECONDS,
        health_check_period_s=5,
        health_check_timeout_s=min(HEALTH_TIMEOUT_SECONDS, settings.stage_silence_seconds),
        logging_config=LOGGING,
        max_constructor_retry_count=START_ATTEMPTS,
    )
    if stage is Stage.POSTPROCESS:
        return deployment.bind(settings, VERSION, storage=storage, folder_id=folder_id)
    return deployment.bind(settings, VERSION)


def deploy(settings: PipelineSettings, storage: StorageSettings, folder_id: str | None = None) -> None:
    """Start or update the five applications on the cluster to which this process is connected, without waiting.

    A Serve instance that runs already is used as it is.
    """
    serve.start(proxy_location="Disabled", logging_config=LOGGING)
    targets = [
        serve.RunTarget(
            build_application(stage, settings, storage, folder_id), name=application_name(stage), route_prefix=None
        )
        for stage in Stage
    ]
    serve.run_many(targets, wait_for_applications_running=False)
