"""Frames on their way (`Clip`) and what came out in the end (`Video`)."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames as read-only uint8 RGB of shape (T, H, W, 3), and their rate in frames per second.

    The array is frozen where the clip is made, because Ray hands out read-only views: what a test sees is what
    production sees.
    """

    frames: Frames
    fps: float

    def __post_init__(self) -> None:
        if self.frames.dtype != np.uint8 or self.frames.ndim != 4 or self.frames.shape[-1] != 3:
            raise ValueError(f"a clip is uint8 (T, H, W, 3), not {self.frames.dtype} {self.frames.shape}")
        self.frames.setflags(write=False)

    def __len__(self) -> int:
        return int(self.frames.shape[0])

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])


@dataclass(frozen=True, slots=True)
class Piece:
    """One encoded span: the bytes of a small file in the video's own container, and how many frames it holds."""

    index: int
    data: bytes
    frames: int


@dataclass(frozen=True, slots=True)
class Output:
    """A file that came out: its kind (`video`, `poster`, `preview`), its bytes and what a reader finds in it.

    Once stored it has a `key` instead of bytes. `sha256` and `size_bytes` are of the bytes, whichever it has.
    """

    kind: str
    content_type: str
    data: bytes
    width: int
    height: int
    fps: float
    frames: int
    duration: float
    key: str = ""
    sha256: str = ""
    size_bytes: int = 0

    def __post_init__(self) -> None:
        if self.data:
            object.__setattr__(self, "sha256", sha256(self.data).hexdigest())
            object.__setattr__(self, "size_bytes", len(self.data))

    @property
    def filename(self) -> str:
        """`video.mp4`, `poster.webp`, …: the kind, and the extension that belongs to the content type."""
        return f"{self.kind}.{self.content_type.rpartition('/')[2]}"

    def stored(self, key: str) -> Self:
        return replace(self, key=key, data=b"")


@dataclass(frozen=True, slots=True)
class Video:
    """The result of a job: what really ran (`resolved`) and the files."""

    outputs: tuple[Output, ...]
    resolved: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
