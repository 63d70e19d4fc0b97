import base64

import pytest

from pipeline.contract.images import is_image


@pytest.mark.parametrize("begin", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\x10\x00\x00\x00WEBPVP8 "])
def test_the_formats_are_known_by_their_first_bytes(begin: bytes) -> None:
    assert is_image(base64.b64encode(begin + b"rest").decode())


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"<svg xmlns=''/>", b"RIFF\x10\x00\x00\x00WAVEfmt ", b" \x89PNG\r\n\x1a\n", b"\x89PNG"]
)
def test_other_files_are_none(data: bytes) -> None:
    assert not is_image(base64.b64encode(data).decode())


@pytest.mark.parametrize("text", ["iVBORw0KGgo", "iVBORw0K\nGgo=", "data:image/png;base64,iVBORw0KGgo=", "\u00e9"])
def test_only_plain_base64_is_read(text: str) -> None:
    assert not is_image(text)
