import time
from collections.abc import Callable

from pipeline.clip import Clip
from pipeline.contract.errors import CheckStopped
from pipeline.contract.plan import Plan
from tests.bench.stages.record import recorded
from tests.faults.stages import generate, script


class Generate(generate.Generate):
    def __call__(self, plan: Plan, on_step: Callable[[int, int, bytes | None], None], check: CheckStopped) -> Clip:
        """`generate step 0.5` in a prompt: steps of that many seconds, which end only by themselves, as on a GPU."""
        with recorded("generate", plan.prompt):
            for words in script.instructions(plan.prompt, "generate"):
                if words[0] == "step":
                    for step in range(plan.num_inference_steps):
                        check()
                        time.sleep(float(words[1]))
                        on_step(step + 1, plan.num_inference_steps, None)
            return super().__call__(plan, on_step, check)
