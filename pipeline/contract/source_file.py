"""The stored file of a video that a frame is taken from."""

from collections.abc import Awaitable, Callable

from pydantic import BaseModel, ConfigDict

from pipeline.contract.spec import VideoFrame


class SourceFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    sha256: str


# Finds the stored file of a video. Raises ImageGone.
FindSource = Callable[[VideoFrame], Awaitable[SourceFile]]
