"""The plan of the fault tests; `side 512` in a prompt is the side of the base clip and of the video."""

from pipeline.contract.plan import Plan
from pipeline.contract.spec import Spec
from tests.bench.stages.record import recorded
from tests.faults.stages import preprocess, script


class Preprocess(preprocess.Preprocess):
    def __call__(self, spec: Spec, reduced: bool = False) -> Plan:
        with recorded("preprocess", spec.prompt):
            plan = super().__call__(spec, reduced)
            side = next((int(words[0]) for words in script.instructions(spec.prompt, "side")), plan.base_width)
            return plan.model_copy(update={"base_width": side, "base_height": side})
