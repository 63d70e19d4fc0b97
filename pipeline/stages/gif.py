"""GIF files: spans encoded apart with a palette each, joined block by block, with a comment that survives.

A GIF counts in hundredths of a second. Each frame's delay is rounded so that the error never adds up: at 24 fps the
delays are 4, 4, 5, 4, 4, 4 ... and one second stays one second.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
from av.filter import Graph

from pipeline.clip import Frames

SUBBLOCK: Final = 255
DITHER: Final = "bayer:bayer_scale=4"  # the same pattern in every frame: still areas do not crawl
TRAILER, EXTENSION, IMAGE = b"\x3b", b"\x21", b"\x2c"
CONTROL, COMMENT = b"\xf9", b"\xfe"
LOOP: Final = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Block:
    """One picture: 4 bytes of control (flags, delay, transparent colour), place and flags, palette, pixels."""

    control: bytes
    place: bytes
    flags: int
    palette: bytes
    pixels: bytes


def encode(frames: Frames, fps: int, check: Callable[[], None]) -> bytes:
    """Frames (T, H, W, 3) as a GIF with one palette, chosen over all of them."""
    file = io.BytesIO()
    with av.open(file, "w", format="gif") as container:
        stream: Any = container.add_stream("gif", rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "pal8"
        for frame in _with_palette(frames, fps):
            check()
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _with_palette(frames: Frames, fps: int) -> Iterator[Any]:
    graph = Graph()
    height, width = frames.shape[1:3]
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=Fraction(1, fps))
    fork = graph.add("split")
    choose = graph.add("palettegen", "stats_mode=full:reserve_transparent=1")
    use = graph.add("paletteuse", f"dither={DITHER}:diff_mode=rectangle")
    sink = graph.add("buffersink")
    source.link_to(fork)
    fork.link_to(choose, 0, 0)
    fork.link_to(use, 1, 0)
    choose.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    for number, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = number, Fraction(1, fps)
        source.push(frame)
    source.push(None)
    for _ in frames:
        yield sink.pull()


def join(pieces: list[bytes], fps: int, text: str) -> bytes:
    """All pictures in a row, looping forever."""
    blocks = [block for piece in pieces for block in _blocks(piece)]
    ends = [round((number + 1) * 100 / fps) for number in range(len(blocks))]
    delays = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    size = pieces[0][6:10]
    parts = [b"GIF89a", size, b"\x00\x00\x00", LOOP, EXTENSION + COMMENT + _subblocks(text.encode())]
    parts += [_written(block, delay) for block, delay in zip(blocks, delays, strict=True)]
    return b"".join([*parts, TRAILER])


def is_gif(data: bytes) -> bool:
    return data.startswith((b"GIF87a", b"GIF89a"))


def comment(data: bytes) -> str:
    """The first comment in the file, or nothing."""
    reader = _Reader(data)
    while (kind := reader.take(1)) not in (TRAILER, b""):
        if kind == IMAGE:
            reader.picture(b"")
        elif reader.take(1) == COMMENT:
            return reader.subblocks()[1].decode()
        else:
            reader.subblocks()
    return ""


class _Reader:
    """Walks through a GIF; stands behind the header and the common palette at first."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 13
        self.palette = self.take(_palette_bytes(data[10]))

    def take(self, count: int) -> bytes:
        part = self.data[self.at : self.at + count]
        self.at += count
        return part

    def subblocks(self) -> tuple[bytes, bytes]:
        """A run of sub-blocks: as it stands in the file, and what it holds."""
        start, content = self.at, b""
        while size := self.take(1)[0]:
            content += self.take(size)
        return self.data[start : self.at], content

    def picture(self, control: bytes) -> Block:
        place, flags = self.take(8), self.take(1)[0]
        own = self.take(_palette_bytes(flags))
        code_size = self.take(1)
        return Block(control, place, flags, own or self.palette, code_size + self.subblocks()[0])


def _blocks(data: bytes) -> Iterator[Block]:
    reader = _Reader(data)
    control = bytes(4)
    while (kind := reader.take(1)) not in (TRAILER, b""):
        if kind == IMAGE:
            yield reader.picture(control)
        elif reader.take(1) == CONTROL:
            control = reader.subblocks()[1]
        else:
            reader.subblocks()


def _written(block: Block, delay: int) -> bytes:
    """The block with a palette of its own, shown for `delay` hundredths of a second."""
    control = block.control[:1] + delay.to_bytes(2, "little") + block.control[3:]
    depth = (len(block.palette) // 3).bit_length() - 2
    flags = (block.flags & 0x60) | 0x80 | depth
    head = EXTENSION + CONTROL + _subblocks(control)
    return head + IMAGE + block.place + bytes([flags]) + block.palette + block.pixels


def _subblocks(content: bytes) -> bytes:
    parts = [content[i : i + SUBBLOCK] for i in range(0, len(content), SUBBLOCK)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\x00"


def _palette_bytes(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
