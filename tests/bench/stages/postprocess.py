from collections.abc import Sequence

from pipeline.clip import Clip, EncodedSpan, Video
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan, Span
from tests.bench.stages.record import recorded
from tests.faults.stages import postprocess


class Postprocess(postprocess.Postprocess):
    def encode(self, clip: Clip, plan: Plan, span: Span, check: CheckStopped) -> EncodedSpan:
        with recorded("encode", plan.prompt, span.index):
            return super().encode(clip, plan, span, check)

    def assemble(self, spans: Sequence[EncodedSpan], plan: Plan) -> Video:
        with recorded("assemble", plan.prompt):
            return super().assemble(spans, plan)
