"""The values that the stages pass on: frames (`Clip`), encoded spans, files (`Output`) and the result (`Video`)."""

from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Clip:
    """Frames as read-only uint8 RGB of shape (T, H, W, 3), and their rate in frames per second.

    Ray returns read-only views of arrays. Making every array read-only here gives tests the same behaviour.
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
class EncodedSpan:
    """A span as a small file in the container of the video, and its number of frames.

    `poster` is the poster of the video as a file, if its frame is in this span. `preview` and `sprites` are the span's
    frames for the preview and the sprite sheet of the video, shrunk to their size.
    """

    index: int
    data: bytes
    frames: int
    poster: bytes = b""
    preview: tuple[Frames, ...] = ()
    sprites: tuple[Frames, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """A file of the result. `kind` is `video`, `poster`, `preview` or `spritesheet`.

    The other fields are read back from the bytes. `stored` replaces `data` by the key in the object store; `sha256` and
    `size_bytes` keep describing the bytes.
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
        """The kind with the extension of the content type: `video.mp4`, `poster.webp`."""
        return f"{self.kind}.{self.content_type.rpartition('/')[2]}"

    def stored(self, key: str) -> Self:
        return replace(self, key=key, data=b"")


@dataclass(frozen=True, slots=True)
class Video:
    """The result of a job: its files and the values that every field of the request resolved to."""

    outputs: tuple[Output, ...]
    resolved: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
