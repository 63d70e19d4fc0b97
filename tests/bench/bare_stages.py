"""The five stage objects one after the other, in a process of their own: `python -m tests.bench.bare_stages`.

Reads a request per line, as JSON, and answers each with the seconds of the job as a line of JSON. The first line of the
output is `ready`. `previews` in a request says whether previews are made; without them only `generate` is run.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.contract.hardware import Budget
from pipeline.contract.spec import Spec
from pipeline.generators.base import DiffusersGenerator
from pipeline.settings import PipelineSettings
from pipeline.stages.generate import Generate
from pipeline.stages.interpolate import Interpolate
from pipeline.stages.postprocess import Postprocess
from pipeline.stages.preprocess import Preprocess
from pipeline.stages.upscale import Upscale


class BareStages:
    def __init__(self, models_dir: Path) -> None:
        self.preprocess = Preprocess(models_dir, Budget())
        self.generate, self.interpolate = Generate(models_dir), Interpolate(models_dir)
        self.upscale, self.postprocess = Upscale(models_dir), Postprocess()

    def draw(self, spec: Spec) -> dict[str, Any]:
        """Seconds of `generate`."""
        plan = self.preprocess(spec)
        began = time.perf_counter()
        self.generate(plan, lambda *_: None, _go_on)
        return {"generate": time.perf_counter() - began}

    def run(self, spec: Spec) -> dict[str, Any]:
        """Seconds of the whole job, of `generate`, of encoding all spans and of `assemble`; the size of the file."""
        began = time.perf_counter()
        plan = self.preprocess(spec)
        planned = time.perf_counter()
        base = self.generate(plan, lambda *_: None, _go_on)
        generated = time.perf_counter()
        encoding, spans = 0.0, []
        for span in plan.spans:
            frames = self.upscale(self.interpolate(base, plan, span, _go_on), plan, _go_on)
            before = time.perf_counter()
            spans.append(self.postprocess.encode(frames, plan, span, _go_on))
            encoding += time.perf_counter() - before
        before = time.perf_counter()
        video = self.postprocess.assemble(spans, plan)
        ended = time.perf_counter()
        return {
            "seconds": ended - began, "generate": generated - planned, "encode": encoding, "assemble": ended - before,
            "bytes": video.outputs[0].size_bytes,
        }  # fmt: skip


def _go_on() -> None:
    return


def _no_preview(*_: object) -> None:
    return


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    stages = BareStages(PipelineSettings(_env_file=None).models_dir)
    make_preview = DiffusersGenerator._preview
    write("ready")
    for line in sys.stdin:
        request = json.loads(line)
        shown = request.pop("previews")
        DiffusersGenerator._preview = make_preview if shown else _no_preview  # type: ignore[method-assign]
        spec = Spec.model_validate(request)
        write(json.dumps(stages.run(spec) if shown else stages.draw(spec)))


if __name__ == "__main__":
    main()
