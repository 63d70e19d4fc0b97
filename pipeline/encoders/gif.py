"""GIF: encodes spans separately, with one palette each, joins them block by block and adds a comment.

GIF delays are in hundredths of a second. The end of each frame is rounded, not its delay, so errors do not add up: at
24 fps the delays are 4, 4, 5, 4, 4, 4 ... and 24 frames take exactly one second.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import av
from av.filter import Graph

from pipeline.clip import Frames
from pipeline.contract.errors import CheckStopped

MAX_SUBBLOCK: Final = 255
# An ordered pattern is the same in every frame, so the dithering of still areas does not flicker.
DITHER: Final = "bayer:bayer_scale=4"
HEADER_BYTES: Final = 13
TRAILER, EXTENSION, IMAGE = b"\x3b", b"\x21", b"\x2c"
CONTROL, COMMENT = b"\xf9", b"\xfe"
LOOP: Final = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"


@dataclass(frozen=True, slots=True)
class Block:
    """One frame: graphic control (flags, delay, transparent colour), area, flags, palette, pixels."""

    control: bytes
    area: bytes
    flags: int
    palette: bytes
    pixels: bytes


def encode(frames: Frames, fps: int, check: CheckStopped) -> bytes:
    """Frames (T, H, W, 3) as a GIF with one palette for all of them."""
    file = io.BytesIO()
    with av.open(file, "w", format="gif") as container:
        stream: Any = container.add_stream("gif", rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "pal8"
        for frame in _apply_palette(frames, fps):
            check()
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def _apply_palette(frames: Frames, fps: int) -> Iterator[Any]:
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
    for index, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, fps)
        source.push(frame)
    source.push(None)
    for _ in frames:
        yield sink.pull()


def join(files: list[bytes], fps: int, text: str) -> bytes:
    """The frames of all files as an endless loop, with `text` as the comment."""
    blocks = [block for file in files for block in _read_blocks(file)]
    ends = [round((index + 1) * 100 / fps) for index in range(len(blocks))]
    delays = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    size = files[0][6:10]
    parts = [b"GIF89a", size, b"\x00\x00\x00", LOOP, EXTENSION + COMMENT + _split_subblocks(text.encode())]
    parts += [_write_block(block, delay) for block, delay in zip(blocks, delays, strict=True)]
    return b"".join([*parts, TRAILER])


def is_gif(data: bytes) -> bool:
    return data.startswith((b"GIF87a", b"GIF89a"))


def comment(data: bytes) -> str:
    """The first comment in the file, or an empty string."""
    reader = _Reader(data)
    while (kind := reader.take(1)) not in (TRAILER, b""):
        if kind == IMAGE:
            reader.read_block(b"")
        elif reader.take(1) == COMMENT:
            return reader.read_subblocks()[1].decode()
        else:
            reader.read_subblocks()
    return ""


class _Reader:
    """Reads a GIF sequentially, starting after the header and the global palette."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, HEADER_BYTES
        self.palette = self.take(_palette_size(data[10]))

    def take(self, count: int) -> bytes:
        part = self.data[self.position : self.position + count]
        self.position += count
        return part

    def read_subblocks(self) -> tuple[bytes, bytes]:
        """A sequence of sub-blocks: the raw bytes and the content."""
        start, content = self.position, b""
        while size := self.take(1)[0]:
            content += self.take(size)
        return self.data[start : self.position], content

    def read_block(self, control: bytes) -> Block:
        area, flags = self.take(8), self.take(1)[0]
        palette = self.take(_palette_size(flags))
        code_size = self.take(1)
        return Block(control, area, flags, palette or self.palette, code_size + self.read_subblocks()[0])


def _read_blocks(data: bytes) -> Iterator[Block]:
    reader = _Reader(data)
    control = bytes(4)
    while (kind := reader.take(1)) not in (TRAILER, b""):
        if kind == IMAGE:
            yield reader.read_block(control)
        elif reader.take(1) == CONTROL:
            control = reader.read_subblocks()[1]
        else:
            reader.read_subblocks()


def _write_block(block: Block, delay: int) -> bytes:
    """The block with a local palette, shown for `delay` hundredths of a second."""
    control = block.control[:1] + delay.to_bytes(2, "little") + block.control[3:]
    depth = (len(block.palette) // 3).bit_length() - 2
    flags = (block.flags & 0x60) | 0x80 | depth
    head = EXTENSION + CONTROL + _split_subblocks(control)
    return head + IMAGE + block.area + bytes([flags]) + block.palette + block.pixels


def _split_subblocks(content: bytes) -> bytes:
    parts = [content[i : i + MAX_SUBBLOCK] for i in range(0, len(content), MAX_SUBBLOCK)]
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\x00"


def _palette_size(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
