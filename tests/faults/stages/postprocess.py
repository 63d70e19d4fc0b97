"""The real stage, so that the result is a video file; it follows the script before it encodes or assembles."""

from collections.abc import Sequence

from pipeline.clip import Clip, EncodedSpan, Video
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan, Span
from pipeline.stages import postprocess
from tests.faults.stages import script


class Postprocess(postprocess.Postprocess):
    def __init__(self, has_card: bool = False) -> None:
        super().__init__(has_card)
        script.register_replica("postprocess")

    def encode(self, clip: Clip, plan: Plan, span: Span, check: CheckStopped) -> EncodedSpan:
        script.run(plan.prompt, "postprocess", check)
        return super().encode(clip, plan, span, check)

    def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video:
        script.run(plan.prompt, "assemble", lambda: None)
        return super().assemble(spans, plan)
