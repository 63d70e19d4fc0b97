"""The encoder of H.264: x264, or that of an NVIDIA card."""

import io
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import av
import numpy as np

# The smallest frame that NVENC accepts is below this many pixels a side.
PROBED_SIDE: Final = 256


class Encoder(NamedTuple):
    """The name of an encoder in FFmpeg and its options. Spans are joined as they are, so there are no B-frames."""

    name: str
    options: Mapping[str, str]


X264: Final = Encoder(
    "libx264", {"preset": "veryfast", "crf": "18", "x264-params": "open-gop=0:scenecut=0:bframes=0"}
)  # fmt: skip
NVENC: Final = Encoder("h264_nvenc", {"preset": "p4", "tune": "hq", "rc": "vbr", "cq": "19", "b": "0", "bf": "0"})


def works(encoder: Encoder) -> bool:
    """Whether this process can use an encoder: it encodes a frame."""
    try:
        with av.open(io.BytesIO(), "w", format="mp4") as container:
            stream: Any = container.add_stream(encoder.name, rate=24, options=dict(encoder.options))
            stream.width = stream.height = PROBED_SIDE
            stream.pix_fmt = "yuv420p"
            frame = av.VideoFrame.from_ndarray(np.zeros((PROBED_SIDE, PROBED_SIDE, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
            container.mux(stream.encode())
    except (av.FFmpegError, ValueError):
        return False
    return True


def choose(has_card: bool, works: Callable[[Encoder], bool] = works) -> Encoder:
    """NVENC for a process that has a share of a card, if the card has an encoder; else x264."""
    return NVENC if has_card and works(NVENC) else X264
