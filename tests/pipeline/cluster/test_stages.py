"""The stages of one attempt on Serve handles, without a cluster: what is called, kept, repeated and restored."""

from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from ray.exceptions import RayActorError

from pipeline.clip import EncodedSpan, Video
from pipeline.cluster import stages as module
from pipeline.cluster.stages import RayStages
from pipeline.contract.base_clip import BaseClip
from pipeline.contract.errors import DependencyUnavailable, OutOfMemory, PipelineError, StageFailed, StageLost
from pipeline.contract.plan import Plan
from pipeline.contract.progress import Stage
from pipeline.contract.source_file import SourceFile
from pipeline.contract.spec import Spec, VideoFrame
from tests.pipeline.contract.test_plan import create_plan

PLAN = create_plan(frames=16, fps=8, upscale=2)
DRAWN = [{"began": True}, {"step": 1, "steps": 2, "preview": b"p"}, {"seconds": 1.5}, "drawn clip", "finished"]
SOURCE = SourceFile(key="jobs/0/1/video.mp4", sha256="0")
FROM_VIDEO = Spec(prompt="a", image_from=VideoFrame(video_id=UUID(int=1), at=1.5))
Result = Any
Handler = Callable[..., Result]


@dataclass
class Reference:
    """An ObjectRef: awaiting it fetches the value or raises the error of the call."""

    value: Any

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


@dataclass
class Response(Reference):
    """A DeploymentResponse. If it is a stream, its value is the list of its items; an error ends the stream."""

    async def _to_object_ref_gen(self) -> AsyncIterator[Reference]:
        async def items() -> AsyncIterator[Reference]:
            for item in self.value:
                yield Reference(item)
                if isinstance(item, Exception):
                    return

        return items()

    def cancel(self) -> None:
        return None


@dataclass
class Handle:
    """A DeploymentHandle whose calls are answered by functions in this process."""

    stage: Stage
    handlers: dict[str, Handler]
    calls: list[tuple[Any, ...]]
    method: str = "__call__"

    def options(self, *, method_name: str = "", stream: bool = False) -> "Handle":
        return Handle(self.stage, self.handlers, self.calls, method_name or self.method)

    def remote(self, *args: Any) -> Response:
        name = self.stage.value if self.method == "__call__" else f"{self.stage.value}.{self.method}"
        self.calls.append((name, *[arg.value if isinstance(arg, Reference) else arg for arg in args]))
        try:
            return Response(self.handlers[name](*args))
        except (RayActorError, PipelineError) as error:
            return Response([error] if name in ("generate", "postprocess.restore") else error)


@dataclass
class Listener:
    events: list[tuple[Any, ...]] = field(default_factory=list)

    def planned(self, plan: Plan) -> None:
        self.events.append(("planned",))

    def generated(self, step: int, steps: int, preview: bytes | None = None) -> None:
        self.events.append((step, steps, preview))

    def encoded(self, spans: int, of: int) -> None:
        self.events.append(("encoded", spans, of))


def base_clip(**values: Any) -> BaseClip:
    return BaseClip(
        key="jobs/1/1/base.mkv", content_type="video/x-matroska", sha256="0", size_bytes=1, width=64, height=64,
        frames=16, fps=8, plan=PLAN.model_dump(mode="json"), **values,
    )  # fmt: skip


@dataclass
class Cluster:
    handlers: dict[str, Handler]
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    kept: list[BaseClip] = field(default_factory=list)

    def open(self, **options: Any) -> RayStages:
        async def keep(base: BaseClip) -> None:
            self.kept.append(base)

        async def find_source(frame: VideoFrame) -> SourceFile:
            self.calls.append(("find_source", frame))
            return SOURCE

        handles = {stage: Handle(stage, self.handlers, self.calls) for stage in Stage}
        values = {"prefix": "jobs/1/1", "window": 2, "silence_seconds": 5, **options}
        return RayStages(handles, keep=keep, find_source=find_source, **values)

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(module, "WAITING_SECONDS", 0)
    monkeypatch.setattr(module, "STORE_PAUSE_SECONDS", 0)
    monkeypatch.setattr("pipeline.flow.LOST_ATTEMPTS", 1)
    return Cluster(
        {
            "preprocess": lambda spec, reduced: PLAN,
            "generate": lambda plan: list(DRAWN),
            "postprocess.frame": lambda source, at, width, height: f"{width}x{height} at {at}",
            "postprocess.keep": lambda clip, plan, key: base_clip().model_copy(update={"key": key}),
            "postprocess.restore": lambda base: [{"kept": True}, "restored clip", "finished"],
            "interpolate": lambda base, plan, span: ["interpolated", "finished"],
            "postprocess.select": lambda base, plan, span: ["selected", "finished"],
            "upscale": lambda frames, plan: ["upscaled", "finished"],
            "postprocess.encode": lambda frames, plan, span: (
                EncodedSpan(span.index, b"x", len(span)),
                {"generate": 9.0, "upscale": 2.0, "postprocess": 0.5},
            ),
            "postprocess.assemble": lambda spans, plan, prefix: (Video(()), 0.25),
        }
    )


def fails(*outcomes: Exception, then: Handler) -> Handler:
    """A handler that raises these errors first."""
    remaining = list(outcomes)

    def handler(*args: Any) -> Result:
        if remaining:
            raise remaining.pop(0)
        return then(*args)

    return handler


async def test_a_drawn_clip_is_kept_and_its_steps_are_reported(cluster: Cluster) -> None:
    listener = Listener()
    stages = cluster.open()
    clip = await stages.generate(PLAN, listener)
    assert clip.value == "drawn clip"
    assert listener.events == [(0, PLAN.num_inference_steps, None), (1, 2, b"p")]
    assert [base.key for base in cluster.kept] == ["jobs/1/1/base.mkv"]
    assert stages.seconds["generate"] == 1.5


async def test_a_kept_base_clip_replaces_preprocess_and_generate(cluster: Cluster) -> None:
    stages = cluster.open(base=base_clip())
    assert await stages.preprocess(Spec(prompt="a")) == PLAN
    assert (await stages.generate(PLAN, Listener())).value == "restored clip"
    assert cluster.names() == ["postprocess.restore"]


async def test_the_image_of_the_request_is_a_part_of_a_kept_plan(cluster: Cluster) -> None:
    stages = cluster.open(base=base_clip())
    assert (await stages.preprocess(Spec(prompt="a", image="aW1hZ2U="))).image == "aW1hZ2U="


async def test_a_frame_of_a_video_is_read_at_the_size_of_the_plan(cluster: Cluster) -> None:
    plan = await cluster.open().preprocess(FROM_VIDEO)
    assert plan.image == f"{PLAN.base_width}x{PLAN.base_height} at 1.5"
    assert cluster.names() == ["preprocess", "find_source", "postprocess.frame"]
    assert cluster.calls[2][1] == SOURCE


async def test_a_kept_base_clip_needs_no_frame_unless_it_is_lost(cluster: Cluster) -> None:
    """Its plan has the hash of the frame, so the recipe stays the same."""
    kept = base_clip().model_copy(update={"plan": PLAN.model_dump(mode="json") | {"image": "sha256:1"}})
    stages = cluster.open(base=kept)
    plan = await stages.preprocess(FROM_VIDEO)
    assert plan.image == "sha256:1"
    assert cluster.names() == []
    cluster.handlers["postprocess.restore"] = lambda base: [{"kept": False}]
    await stages.generate(plan, Listener())
    assert cluster.names()[:4] == ["postprocess.restore", "find_source", "postprocess.frame", "generate"]
    assert cluster.calls[3][1].image == f"{PLAN.base_width}x{PLAN.base_height} at 1.5"


FINISH = base_clip().model_copy(update={"plan": PLAN.model_dump(mode="json") | {"reused_base": True}})


@pytest.mark.parametrize("reduced", [False, True])
async def test_a_finish_starts_from_its_base_clip_even_after_out_of_memory(cluster: Cluster, reduced: bool) -> None:
    stages = cluster.open(base=FINISH, reduced=reduced)
    plan = await stages.preprocess(Spec(prompt="a"))
    assert (await stages.generate(plan, Listener())).value == "restored clip"
    assert cluster.names() == ["postprocess.restore"]


async def test_a_finish_without_its_base_clip_fails_and_draws_nothing(cluster: Cluster) -> None:
    cluster.handlers["postprocess.restore"] = lambda base: [{"kept": False}]
    stages = cluster.open(base=FINISH)
    with pytest.raises(StageFailed, match="base clip is missing"):
        await stages.generate(await stages.preprocess(Spec(prompt="a")), Listener())
    assert cluster.names() == ["postprocess.restore"]


async def test_a_missing_base_clip_is_drawn_again(cluster: Cluster) -> None:
    cluster.handlers["postprocess.restore"] = lambda base: [{"kept": False}]
    assert (await cluster.open(base=base_clip()).generate(PLAN, Listener())).value == "drawn clip"


@pytest.mark.parametrize(
    ("base", "reduced"),
    [(base_clip(), True), (base_clip().model_copy(update={"plan": {"of": "another version"}}), False)],
    ids=["full size after out of memory", "plan of another version"],
)
async def test_an_unusable_base_clip_is_ignored(cluster: Cluster, base: BaseClip, reduced: bool) -> None:
    stages = cluster.open(base=base, reduced=reduced)
    await stages.preprocess(Spec(prompt="a"))
    await stages.generate(PLAN, Listener())
    assert cluster.names() == ["preprocess", "generate", "postprocess.keep"]
    assert [kept.reduced for kept in cluster.kept] == [reduced]


async def test_a_replica_lost_before_it_began_the_job_costs_the_job_nothing(cluster: Cluster) -> None:
    cluster.handlers["generate"] = fails(RayActorError(), RayActorError(), then=cluster.handlers["generate"])
    assert (await cluster.open().generate(PLAN, Listener())).value == "drawn clip"
    assert cluster.names().count("generate") == 3


async def test_a_replica_lost_while_it_draws_is_charged_to_the_job(cluster: Cluster) -> None:
    cluster.handlers["generate"] = lambda plan: [{"began": True}, RayActorError()]
    with pytest.raises(StageLost) as caught:
        await cluster.open().generate(PLAN, Listener())
    assert caught.value.stage == Stage.GENERATE


async def test_a_span_passes_through_the_stages_in_order(cluster: Cluster) -> None:
    stages = cluster.open()
    base = await stages.generate(PLAN, Listener())
    frames = stages.upscale(stages.interpolate(base, PLAN, PLAN.spans[0]), PLAN)
    assert (await stages.encode(frames, PLAN, PLAN.spans[0])).frames == 16
    assert [call[:2] for call in cluster.calls[-3:]] == [
        ("interpolate", "drawn clip"), ("upscale", "interpolated"), ("postprocess.encode", "upscaled"),
    ]  # fmt: skip
    assert (stages.seconds["upscale"], stages.seconds["postprocess"]) == (2.0, 0.5)
    assert stages.seconds["generate"] == 1.5, "counted once, not with each span"


async def test_after_a_lost_stage_the_span_starts_from_the_restored_base_clip(cluster: Cluster) -> None:
    cluster.handlers["upscale"] = lambda frames, plan: [RayActorError(), "finished"]
    stages = cluster.open()
    base = await stages.generate(PLAN, Listener())
    span = PLAN.spans[0]
    with pytest.raises(StageLost) as caught:
        await stages.encode(stages.upscale(stages.select(base, PLAN, span), PLAN), PLAN, span)
    assert caught.value.stage == Stage.UPSCALE
    await stages.select(base, PLAN, span)
    assert cluster.calls[-1][:2] == ("postprocess.select", "restored clip")


async def test_an_unavailable_object_store_is_retried(cluster: Cluster) -> None:
    error = DependencyUnavailable("postprocess", "the object store does not answer")
    cluster.handlers["postprocess.assemble"] = fails(error, error, then=cluster.handlers["postprocess.assemble"])
    stages = cluster.open()
    await stages.assemble([], PLAN)
    assert cluster.names().count("postprocess.assemble") == 3
    assert stages.seconds["postprocess"] == 0.25


async def test_an_error_of_a_stage_is_raised_unchanged(cluster: Cluster) -> None:
    cluster.handlers["preprocess"] = fails(OutOfMemory("preprocess"), then=cluster.handlers["preprocess"])
    with pytest.raises(OutOfMemory):
        await cluster.open().preprocess(Spec(prompt="a"))
