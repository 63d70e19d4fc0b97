"""The real one, so that what comes out is a video; it sleeps before it encodes or assembles."""

from collections.abc import Callable, Sequence

from pipeline.clip import Clip, Piece, Video
from pipeline.spec import Plan, Span
from pipeline.stages import postprocess
from tests.faults.stages import script


class Postprocess(postprocess.Postprocess):
    def __init__(self) -> None:
        script.sign_in("postprocess")

    def encode(self, clip: Clip, plan: Plan, span: Span, check: Callable[[], None]) -> Piece:
        script.obey(plan.prompt, "postprocess", check)
        return super().encode(clip, plan, span, check)

    def assemble(self, pieces: Sequence[Piece], plan: Plan) -> Video:
        script.obey(plan.prompt, "assemble", lambda: None)
        return super().assemble(pieces, plan)
