from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan, Span
from tests.bench.stages.record import recorded
from tests.faults.stages import interpolate


class Interpolate(interpolate.Interpolate):
    def __call__(self, base: Clip, plan: Plan, span: Span, check: CheckStopped) -> Clip:
        with recorded("interpolate", plan.prompt, span.index):
            return super().__call__(base, plan, span, check)
