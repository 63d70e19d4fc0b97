"""A Plan without models: 32 x 32 at 8 fps, upscaled by 2, then resized to the requested size."""

from pathlib import Path
from typing import Final

from pipeline.contract.plan import Plan
from pipeline.contract.spec import Scheduler, Spec
from tests.faults.stages import script

BASE_SIDE: Final = 32
BASE_FPS: Final = 8
STEPS: Final = 4


class Preprocess:
    def __init__(self, models_dir: Path, budget: object) -> None:
        script.register_replica("preprocess")

    def __call__(self, spec: Spec, reduced: bool = False) -> Plan:
        script.run(spec.prompt, "preprocess", lambda: None, reduced=reduced)
        return Plan(
            prompt=spec.prompt,
            negative_prompt=spec.negative_prompt,
            seed=spec.seed or 0,
            model=spec.model,
            revision="fault-tests",
            scheduler=spec.scheduler or Scheduler.EULER,
            num_inference_steps=spec.num_inference_steps or STEPS,
            guidance_scale=1.0,
            base_width=BASE_SIDE // 2 if reduced else BASE_SIDE,
            base_height=BASE_SIDE,
            base_frames=max(2, round(spec.duration_seconds * BASE_FPS)),
            upscale=2,
            width=spec.width,
            height=spec.height,
            fps=spec.fps,
            frames=spec.frames,
            format=spec.format,
            warnings=("reduced plan",) if reduced else (),
        )
