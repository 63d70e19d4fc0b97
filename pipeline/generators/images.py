"""The first frame of a request: from base64 to a picture of exactly the base size."""

import base64
import binascii
import io

from PIL import Image, ImageOps, UnidentifiedImageError

from pipeline.contract.errors import Refused

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 4096 * 4096


def decode(text: str, width: int, height: int) -> Image.Image:
    """RGB of width x height, cropped to the aspect ratio. Refused if it is not a PNG, JPEG or WebP file."""
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Refused("the image has more than 4096 x 4096 pixels", "/image")
        return fill(ImageOps.exif_transpose(image).convert("RGB"), width, height)
    except (binascii.Error, UnidentifiedImageError, OSError) as error:
        raise Refused("not a PNG, JPEG or WebP file in base64", "/image") from error


def fill(image: Image.Image, width: int, height: int) -> Image.Image:
    return ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
