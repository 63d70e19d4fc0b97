"""Generators that are one pipeline of their own: ModelScope, Zeroscope, Stable Video Diffusion, Wan, LTX, CogVideoX."""

from typing import Any, Final

from pipeline.contract.entries import Memory, Model
from pipeline.contract.families import EXACT_SAMPLERS
from pipeline.contract.published import hub
from pipeline.contract.published.animatediff import BASES
from pipeline.contract.spec import Scheduler

_MODELSCOPE: Final = ("ali-vilab/text-to-video-ms-1.7b", "8227dddca75a8561bf858d604cc5dae52b954d01")
_ZEROSCOPE: Final = ("cerspense/zeroscope_v2_576w", "6963642a64dbefa93663d1ecebb4ceda2d9ecb28")
_SVD: Final = ("stabilityai/stable-video-diffusion-img2vid", "9cf024d5bfa8f56622af86c884f26a52f6676f2e")
_SVD_XT: Final = ("stabilityai/stable-video-diffusion-img2vid-xt", "9e43909513c6714f1bc78bcb44d96e733cd242aa")
_WAN: Final = ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "0fad780a534b6463e45facd96134c9f345acfa5b")
_WAN22: Final = ("Wan-AI/Wan2.2-TI2V-5B-Diffusers", "b8fff7315c768468a5333511427288870b2e9635")
_LTX: Final = ("Lightricks/LTX-Video", "8984fa25007f376c1a299016d0957a37a2f797bb")
_COGVIDEOX: Final = ("THUDM/CogVideoX-2b", "1137dacfc2c9c012bed6a0793f4ecf2ca8e7ba01")

_UNET_WEIGHTS: Final = (
    "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
)  # fmt: skip
_UNET_PICKLES: Final = (
    "text_encoder/pytorch_model.bin", "unet/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.bin",
)  # fmt: skip
_UNET_PLAIN: Final = (*hub.INDEX, *hub.CLIP_TOKENIZER, *hub.configs("text_encoder", "unet", "vae"))
_SVD_PLAIN: Final = (
    *hub.INDEX, "feature_extractor/preprocessor_config.json", *hub.configs("image_encoder", "unet", "vae"),
)  # fmt: skip
_SVD_WEIGHTS: Final = (
    "image_encoder/model.fp16.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.fp16.safetensors",
)  # fmt: skip
_TRANSFORMER_PLAIN: Final = (*hub.INDEX, *hub.T5_TOKENIZER, *hub.configs("text_encoder", "transformer", "vae"))
_TRANSFORMER_WEIGHTS: Final = (
    "text_encoder/model.safetensors", "transformer/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
)  # fmt: skip

# From `aura models memory`. The decoders of the video transformers work in slices and are not followed.
_UNET3D: Final = {"weights": 3_670_551_742, "largest": 2_822_467_720, "denoiser": 2_822_467_720, "fixed": 0}
_MODELSCOPE_MEMORY: Final = Memory(**_UNET3D, frame=43_590_656, decoded=100_679_680)
_ZEROSCOPE_MEMORY: Final = Memory(**_UNET3D, frame=122_017_792, decoded=283_161_600)
_SVD_MEMORY: Final = Memory(4_508_887_514, 3_049_246_164, 3_049_246_164, 37_762_320, 330_608_148, 1_208_033_284)
_WAN_MEMORY: Final = Memory(14_454_123_622, 11_361_820_672, 2_837_993_600, 62_884_100, 19_019_520, 0)
_WAN22_MEMORY: Final = Memory(22_771_297_720, 11_361_820_672, 10_000_099_712, 139_046_992, 43_902_320, 0)
_LTX_MEMORY: Final = Memory(14_209_780_066, 9_524_621_312, 3_846_770_000, 41_249_672, 5_427_840, 0)
_COGVIDEOX_MEMORY: Final = Memory(13_411_616_710, 9_524_621_312, 3_387_600_000, 119_939_720, 31_190_400, 0)


def _model(name: str, title: str, family: str, source: tuple[str, str], **values: Any) -> Model:
    defaults = {"files": ("model_index.json",), "schedulers": (Scheduler.OWN,)}
    return Model(
        name=name, title=title, folders=(name,), family=family, source=source[0], revision=source[1],
        **{"scheduler": Scheduler.OWN, **defaults, **values},
    )  # fmt: skip


def _svd(name: str, title: str, source: tuple[str, str], frames: int) -> Model:
    return _model(
        name, title, "stable-video-diffusion", source, memory=_SVD_MEMORY, licence="Stability AI Community", gated=True,
        size_bytes=4_550_000_000, variant="fp16", parts={"text-to-image": BASES["sd15"]},
        downloads=hub.downloads(*source, _SVD_PLAIN, _SVD_WEIGHTS), base_area=1024 * 576,
        sizes=((1024, 576), (576, 1024)), native_fps=7, context_frames=frames, max_frames=frames,
        guidance_scale=3.0, knows="the motion of one image; without an image, SD 1.5 draws the first frame",
    )  # fmt: skip


VIDEO_MODELS: Final = (
    _model(
        "modelscope", "ModelScope text-to-video", "text-to-video-sd", _MODELSCOPE,
        memory=_MODELSCOPE_MEMORY, licence="CC-BY-NC-4.0", commercial=False, size_bytes=7_000_000_000,
        downloads=hub.downloads(*_MODELSCOPE, _UNET_PLAIN, _UNET_WEIGHTS),
        base_area=256 * 256, sizes=((256, 256),), guidance_scale=9.0, scheduler=Scheduler.DPMPP,
        schedulers=EXACT_SAMPLERS,
    ),
    _model(
        "zeroscope", "Zeroscope v2 576w", "text-to-video-sd", _ZEROSCOPE,
        memory=_ZEROSCOPE_MEMORY, licence="CC-BY-NC-4.0", commercial=False,
        size_bytes=7_000_000_000,
        downloads=hub.downloads(*_ZEROSCOPE, _UNET_PLAIN, _UNET_PICKLES, convert="tensors"), base_area=576 * 320,
        sizes=((576, 320), (320, 576)), context_frames=24, guidance_scale=9.0, scheduler=Scheduler.DPMPP,
        schedulers=EXACT_SAMPLERS,
    ),
    _svd("svd", "Stable Video Diffusion, 14 frames", _SVD, 14),
    _svd("svd-xt", "Stable Video Diffusion XT, 25 frames", _SVD_XT, 25),
    _model(
        "wan-1.3b", "Wan 2.1 1.3B", "wan", _WAN, memory=_WAN_MEMORY, licence="Apache-2.0", size_bytes=28_600_000_000,
        downloads=hub.downloads(*_WAN, (*_TRANSFORMER_PLAIN, "tokenizer/tokenizer.json"), _TRANSFORMER_WEIGHTS),
        base_area=832 * 480, sizes=((832, 480), (480, 832)), native_fps=16, context_frames=81, max_frames=81,
        prompt_tokens=500, num_inference_steps=50, guidance_scale=5.0, accepts=("wan-1.3b",),
        # The value that the authors recommend for 480p.
        scheduler_config={"flow_shift": 3.0},
    ),
    _model(
        "wan2.2-5b", "Wan 2.2 TI2V 5B", "wan", _WAN22, memory=_WAN22_MEMORY, licence="Apache-2.0",
        size_bytes=34_200_000_000,
        downloads=hub.downloads(*_WAN22, (*_TRANSFORMER_PLAIN, "tokenizer/tokenizer.json"), _TRANSFORMER_WEIGHTS),
        base_area=1280 * 704, sizes=((1280, 704), (704, 1280)), native_fps=24, context_frames=121, max_frames=121,
        prompt_tokens=500, num_inference_steps=50, guidance_scale=5.0, accepts=("wan2.2-5b",), size_multiple=32,
    ),
    _model(
        "ltx-video", "LTX-Video 2B", "ltx", _LTX,
        memory=_LTX_MEMORY, licence="LTX-Video Open Weights 0.9", size_bytes=28_000_000_000,
        downloads=hub.downloads(*_LTX, _TRANSFORMER_PLAIN, _TRANSFORMER_WEIGHTS), base_area=704 * 480,
        sizes=((704, 480), (480, 704)), native_fps=24, context_frames=161, max_frames=257, prompt_tokens=120,
        num_inference_steps=50, guidance_scale=3.0, accepts=("ltx",),
        knows="anything; long, detailed descriptions work best, an image may be the first frame",
    ),
    _model(
        "cogvideox-2b", "CogVideoX 2B", "cogvideox", _COGVIDEOX,
        memory=_COGVIDEOX_MEMORY, licence="Apache-2.0", size_bytes=13_800_000_000,
        downloads=hub.downloads(*_COGVIDEOX, _TRANSFORMER_PLAIN, _TRANSFORMER_WEIGHTS), base_area=720 * 480,
        sizes=((720, 480),), only_sizes=True, context_frames=49, max_frames=49, prompt_tokens=220,
        num_inference_steps=50, guidance_scale=6.0, accepts=("cogvideox-2b",),
    ),
)  # fmt: skip
