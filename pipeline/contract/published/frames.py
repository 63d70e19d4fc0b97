"""Interpolators and upscalers: FILM and Real-ESRGAN."""

from typing import Any, Final

from pipeline.contract.entries import Download, InterpolatorModel, UpscalerModel

# Hashes of published files that must not be used, with the reason.
REFUSED_HASHES: Final = {
    "10aadc0d25ad586e3af7dd7703f75ec1186fbfe2e11c0d219d30ecfe2db10aa3": "film_net v1.0.0 ignores the requested time",
}

_REAL_ESRGAN: Final = "https://github.com/xinntao/Real-ESRGAN/releases/download"
_FILM: Final = "https://github.com/dajes/frame-interpolation-pytorch/releases/download/v1.0.2"
_HASHES: Final = {
    "RealESRGAN_x4plus.pth": "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
    "RealESRGAN_x2plus.pth": "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
    "realesr-general-x4v3.pth": "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
    "realesr-general-wdn-x4v3.pth": "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca",
    "realesr-animevideov3.pth": "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
}


def _upscaler(name: str, scale: int, release: str, file: str, size_bytes: int, softer: str = "") -> UpscalerModel:
    files = (file, softer) if softer else (file,)
    return UpscalerModel(
        name=name, title=f"Real-ESRGAN {file.removesuffix('.pth')}", folders=("realesrgan",), files=files,
        source=f"{_REAL_ESRGAN}/{release}/{file}", licence="BSD-3-Clause", size_bytes=size_bytes * len(files),
        revision=release, scale=scale, softer=softer,
        downloads=tuple(Download(each, f"{_REAL_ESRGAN}/{release}/{each}", sha256=_HASHES[each]) for each in files),
    )  # fmt: skip


REAL_ESRGAN: Final = (
    _upscaler("realesrgan-x2plus", 2, "v0.2.1", "RealESRGAN_x2plus.pth", 67_061_725),
    _upscaler("realesrgan-x4plus", 4, "v0.1.0", "RealESRGAN_x4plus.pth", 67_040_989),
    _upscaler(
        "realesr-general-x4v3", 4, "v0.2.5.0", "realesr-general-x4v3.pth", 4_885_111, "realesr-general-wdn-x4v3.pth"
    ),
    _upscaler("realesr-animevideov3", 4, "v0.2.5.0", "realesr-animevideov3.pth", 2_504_012),
)  # fmt: skip

_film: dict[str, Any] = {"licence": "Apache-2.0"}
FILM: Final = (
    InterpolatorModel(
        name="film", title="FILM as TorchScript", folders=("film",), files=("film_net_fp32.pt",),
        half="film_net_fp16.pt",
        source=f"{_FILM}/film_net_fp32.pt", size_bytes=138_000_000, revision="v1.0.2",
        downloads=(
            Download(
                "film_net_fp32.pt", f"{_FILM}/film_net_fp32.pt",
                sha256="f810cada26d0c288e50a27eac43af74446eb84b857ccbc77a22bb006f4d27240",
            ),
        ),
        **_film,
    ),
    InterpolatorModel(
        name="film-tf", title="FILM, the published TensorFlow SavedModel", folders=("film-tf",),
        files=("film_net/Style/saved_model",), source="google-research/frame-interpolation", size_bytes=140_000_000,
        file_format="saved-model", **_film,
    ),
)  # fmt: skip
