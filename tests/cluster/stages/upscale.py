"""As in the fault tests, with a note per span."""

from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan
from tests.cluster.stages import note_span
from tests.faults.stages import upscale


class Upscale(upscale.Upscale):
    calls = 0

    def __call__(self, clip: Clip, plan: Plan, check: CheckStopped) -> Clip:
        self.calls += 1
        note_span("upscale", plan.seed, self.calls)
        return super().__call__(clip, plan, check)
