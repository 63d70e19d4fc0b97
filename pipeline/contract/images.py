"""The format of the image of a request, without decoding it."""

import base64
import binascii
import re
from typing import Final

# The first bytes of a PNG, a JPEG and a WebP file.
SIGNATURES: Final = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|RIFF.{4}WEBP", re.DOTALL)


def is_image(text: str) -> bool:
    """Whether a text is base64 of a file that begins like a PNG, a JPEG or a WebP file.

    The stage `preprocess` decodes the file, and refuses damaged and too large ones before anything is drawn.
    """
    try:
        return SIGNATURES.match(base64.b64decode(text, validate=True)) is not None
    except (binascii.Error, ValueError):
        return False
