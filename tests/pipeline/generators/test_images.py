"""The first frame of a request: what is read, and what is refused without an unexpected error."""

import base64
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pipeline.contract.errors import Refused
from pipeline.generators import images

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def file(form: str, pixels: np.ndarray = PIXELS, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, form, **options)
    return buffer.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes whose pixels would fill gigabytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_image_fills_the_base_size_without_being_stretched(form: str) -> None:
    read = images.decode(text_of(file(form)), 32, 32)

    assert (read.mode, read.size) == ("RGB", (32, 32))
    if form == "PNG":
        assert read.tobytes() == images.fill(Image.fromarray(PIXELS), 32, 32).tobytes()


def test_an_encoded_image_of_the_base_size_is_read_unchanged() -> None:
    assert np.array_equal(np.asarray(images.decode(images.encode(Image.fromarray(PIXELS)), 60, 40)), PIXELS)


def test_a_photo_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = images.decode(text_of(file("PNG", exif=exif)), 40, 60)

    assert np.array_equal(np.asarray(turned), np.rot90(PIXELS, -1))


@pytest.mark.parametrize("side", [4097, 14_000, 30_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(Refused, match="4096 x 4096") as refused:
        images.decode(text_of(png_that_claims(side, side)), 64, 64)

    assert refused.value.pointer == "/image"


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_damaged_image_is_refused_or_read_but_never_an_unexpected_error(form: str) -> None:
    whole, rng = file(form), np.random.default_rng(1)
    damaged = [whole[:length] for length in range(0, len(whole), max(1, len(whole) // 40))]
    for _ in range(150):
        changed = np.frombuffer(whole, np.uint8).copy()
        changed[rng.integers(0, min(len(whole), 200), 3)] = rng.integers(0, 256, 3)
        damaged.append(changed.tobytes())

    for data in damaged:
        try:
            assert images.decode(text_of(data), 16, 16).size == (16, 16)
        except Refused as refused:
            assert refused.pointer == "/image"  # noqa: PT017  (either outcome is right)


@pytest.mark.parametrize("text", ["", "AAA", "not base64", text_of(b"<svg/>"), text_of(file("GIF"))])
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        images.decode(text, 64, 64)
