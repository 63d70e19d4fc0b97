"""The first frame of a request: an image file, made small enough for the body of a request."""

import base64
import io
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.contract.spec import MAX_IMAGE_CHARS

# The longer side of the first frame. No model draws larger base frames.
MAX_SIDE: Final = 1280
QUALITIES: Final = (90, 75, 60, 45, 30)
SMALLER: Final = 0.75


class ImageUnreadable(Exception):
    """The file is not an image."""


def encode(path: Path) -> str:
    """Base64 of a WebP file: the best quality, then the largest size, that a request may have."""
    try:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise ImageUnreadable(f"{path}: not an image") from error
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    while True:
        for quality in QUALITIES:
            buffer = io.BytesIO()
            image.save(buffer, "WEBP", quality=quality)
            text = base64.b64encode(buffer.getvalue()).decode()
            if len(text) <= MAX_IMAGE_CHARS:
                return text
        image = image.resize((int(image.width * SMALLER), int(image.height * SMALLER)))
