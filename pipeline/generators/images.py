"""The first frame of a request: from base64 to a picture of exactly the base size."""

import base64
import binascii
import io
import warnings
from typing import Final

from PIL import Image, ImageOps

from pipeline.contract.errors import Refused

FORMATS: Final = ("PNG", "JPEG", "WEBP")
MAX_PIXELS: Final = 4096 * 4096


def decode(text: str, width: int, height: int) -> Image.Image:
    """RGB of width x height, cropped to the aspect ratio. Refused if it is not a PNG, JPEG or WebP file."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused("not a PNG, JPEG or WebP file in base64", "/image") from error
    return fill(_read(data), width, height)


def _read(data: bytes) -> Image.Image:
    """The picture of a file, upright. Its pixels are decoded only if it is not too large."""
    with warnings.catch_warnings():
        # Pillow warns of large images, which are refused here.
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height <= MAX_PIXELS:
                return ImageOps.exif_transpose(image).convert("RGB")
        except Image.DecompressionBombError:
            pass
        except Exception as error:  # damaged files raise errors of many kinds, of Pillow and of zlib
            raise Refused("not a PNG, JPEG or WebP file in base64, or damaged", "/image") from error
    raise Refused("the image has more than 4096 x 4096 pixels", "/image")


def encode(image: Image.Image) -> str:
    """The picture as a PNG in base64: without loss."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def fill(image: Image.Image, width: int, height: int) -> Image.Image:
    return ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
