"""LoRAs: the camera motions of the AnimateDiff authors."""

from typing import Final

from pipeline.contract.entries import Download, Lora
from pipeline.contract.published.animatediff import AUTHORS, AUTHORS_COMMIT
from pipeline.contract.spec import CameraMotion

_FILES: Final = {
    CameraMotion.ZOOM_IN: "ZoomIn",
    CameraMotion.ZOOM_OUT: "ZoomOut",
    CameraMotion.PAN_LEFT: "PanLeft",
    CameraMotion.PAN_RIGHT: "PanRight",
    CameraMotion.TILT_UP: "TiltUp",
    CameraMotion.TILT_DOWN: "TiltDown",
    CameraMotion.ROLL_CLOCKWISE: "RollingClockwise",
    CameraMotion.ROLL_ANTICLOCKWISE: "RollingAnticlockwise",
}


def lora_name(motion: CameraMotion) -> str:
    return f"motion-{motion.value}"


def _motion_lora(motion: CameraMotion, file: str) -> Lora:
    name = lora_name(motion)
    return Lora(
        name=name, title=f"Camera motion: {motion.value.replace('-', ' ')}", folders=(f"loras/{name}",),
        files=("lora.safetensors",), source=AUTHORS, licence="Apache-2.0", size_bytes=77_500_000,
        revision=AUTHORS_COMMIT, kind="motion", fits=("v1-5-2",),
        downloads=(
            Download(
                "lora.ckpt", "", AUTHORS, AUTHORS_COMMIT, f"v2_lora_{file}.ckpt", convert="motion-lora"
            ),
        ),
    )  # fmt: skip


MOTION_LORAS: Final = tuple(_motion_lora(motion, file) for motion, file in _FILES.items())
