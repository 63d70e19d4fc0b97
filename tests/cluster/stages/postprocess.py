"""As in the fault tests, with a note per span."""

from pipeline.clip import Clip, EncodedSpan
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan, Span
from tests.cluster.stages import note_span
from tests.faults.stages import postprocess


class Postprocess(postprocess.Postprocess):
    def encode(self, clip: Clip, plan: Plan, span: Span, check: CheckStopped) -> EncodedSpan:
        encoded = super().encode(clip, plan, span, check)
        note_span("encode", plan.seed, span.start)
        return encoded
