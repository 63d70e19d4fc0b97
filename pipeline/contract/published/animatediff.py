"""AnimateDiff: base checkpoints, motion adapters, and the models that combine them."""

from collections.abc import Mapping
from typing import Any, Final

from pipeline.contract.entries import Download, Memory, Model, Weights
from pipeline.contract.families import EXACT_SAMPLERS
from pipeline.contract.published import hub
from pipeline.contract.spec import Scheduler

SD15: Final = "stable-diffusion-v1-5/stable-diffusion-v1-5"
SD15_COMMIT: Final = "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
AUTHORS: Final = "guoyww/animatediff"
AUTHORS_COMMIT: Final = "fdfe36afa161e51b3e9c24022b0e368d59e7345e"
OPEN_RAIL: Final = "CreativeML Open RAIL-M"
GENERATOR_FILES: Final = (
    "base/model_index.json", "motion-adapter/config.json", "motion-adapter/diffusion_pytorch_model.safetensors",
)  # fmt: skip

_SD15_PLAIN: Final = (*hub.INDEX, *hub.CLIP_TOKENIZER, *hub.configs("text_encoder", "unet", "vae"))
_SD15_WEIGHTS: Final = (
    "text_encoder/model.safetensors", "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
)  # fmt: skip


def _folder(name: str, title: str, repository: str, commit: str, size_bytes: int) -> Weights:
    """A base checkpoint in diffusers' layout."""
    return Weights(
        name, title, (f"bases/{name}",), ("model_index.json",), repository, OPEN_RAIL, size_bytes, commit,
        downloads=hub.downloads(repository, commit, _SD15_PLAIN, _SD15_WEIGHTS),
    )  # fmt: skip


def _single_file(name: str, title: str, repository: str, commit: str, file: str, sha256: str) -> Weights:
    """A base checkpoint in one file. What it does not contain (configurations, tokenizer) comes from SD 1.5."""
    return Weights(
        name, title, (f"bases/{name}",), ("model.safetensors", "model_index.json"), repository, OPEN_RAIL,
        2_134_000_000, commit,
        downloads=(
            *hub.downloads(SD15, SD15_COMMIT, _SD15_PLAIN),
            Download("model.safetensors", "", repository, commit, file, sha256),
        ),
    )  # fmt: skip


BASES: Final[Mapping[str, Weights]] = {
    base.name: base
    for base in (
        _folder("sd15", "Stable Diffusion 1.5", SD15, SD15_COMMIT, 4_270_000_000),
        _folder(
            "realistic-vision", "Realistic Vision 5.1", "SG161222/Realistic_Vision_V5.1_noVAE",
            "1e9f017a7b1eaefb63a1900ea6c5953d2739fd21", 4_270_000_000,
        ),
        _folder(
            "epicrealism", "epiCRealism", "emilianJR/epiCRealism", "6522cf856b8c8e14638a0aaa7bd89b1b098aed17",
            4_270_000_000,
        ),
        _single_file(
            "dreamshaper", "DreamShaper 8", "Lykon/DreamShaper", "228d79cb20811466f5c5710aa91f05dabd0b8a14",
            "DreamShaper_8_pruned.safetensors", "879db523c30d3b9017143d56705015e15a2cb5628762c11d086fed9538abd7fd",
        ),
        _single_file(
            "absolute-reality", "AbsoluteReality 1.8.1", "Lykon/AbsoluteReality",
            "df7c3efce8f54d02cf73a21fcecd908a0fde2898", "AbsoluteReality_1.8.1_pruned.safetensors",
            "463d6a9fe8a4b56a4d69ef3692074c0617428dfd8e8f12f9efe3b1e9a71717ce",
        ),
    )
}  # fmt: skip


def _motion_module(name: str, title: str, size_bytes: int, file: str, sha256: str = "", **changes: Any) -> Weights:
    """A motion module in the layout of its authors, converted when it is downloaded."""
    values: dict[str, Any] = {
        "repository": AUTHORS, "commit": AUTHORS_COMMIT, "licence": "Apache-2.0", **changes
    }  # fmt: skip
    return Weights(
        name, title, (f"adapters/{name}",), ("motion-module.safetensors",), values["repository"], values["licence"],
        size_bytes, values["commit"],
        downloads=(
            Download(
                "motion-module.ckpt", "", values["repository"], values["commit"], file, sha256, "motion-module"
            ),
        ),
    )  # fmt: skip


def _lightning(steps: int) -> Weights:
    repository, commit = "ByteDance/AnimateDiff-Lightning", "027c893eec01df7330f5d4b733bc9485ee02e8b2"
    file = f"animatediff_lightning_{steps}step_diffusers.safetensors"
    return Weights(
        f"lightning-{steps}", f"AnimateDiff-Lightning, {steps} steps", (f"adapters/lightning-{steps}",),
        ("motion-module.safetensors",), repository, OPEN_RAIL, 908_000_000, commit,
        downloads=(Download("motion-module.safetensors", "", repository, commit, file),),
    )  # fmt: skip


_LCM: Final = {
    "repository": "wangfuyun/AnimateLCM", "commit": "3d4d00fc113225e1040f4d3bec504b6ec750c10c", "licence": "MIT",
}  # fmt: skip
_V1_5_2: Final = "guoyww/animatediff-motion-adapter-v1-5-2"
_V1_5_2_COMMIT: Final = "6167b88ffe39b4441fdf2113e77b99a6f56b7906"

ADAPTERS: Final[Mapping[str, Weights]] = {
    adapter.name: adapter
    for adapter in (
        _motion_module("v1-5-3", "Motion adapter v1-5-3", 1_673_262_583, "v3_sd15_mm.ckpt"),
        Weights(
            "v1-5-2", "Motion adapter v1-5-2", ("adapters/v1-5-2",),
            ("config.json", "diffusion_pytorch_model.safetensors"), _V1_5_2, "Apache-2.0", 1_817_888_431,
            _V1_5_2_COMMIT,
            downloads=hub.downloads(
                _V1_5_2, _V1_5_2_COMMIT, ("config.json",), ("diffusion_pytorch_model.safetensors",)
            ),
        ),
        *(_lightning(steps) for steps in (1, 2, 4, 8)),
        _motion_module(
            "animate-lcm", "AnimateLCM", 1_813_041_929, "AnimateLCM_sd15_t2v.ckpt",
            "b46c3de62e5696af72c4056e3cdcbea12fbc19581c0aad7b6f2b027851148f5f", **_LCM,
        ),
        _motion_module(
            "sdxl-beta", "Motion adapter for SDXL (beta)", 950_000_000, "mm_sdxl_v10_beta.ckpt",
            "fa4950a062e892fca50d4c441fcd6130d1ad68a621a0404d155be17580072978",
        ),
    )
}  # fmt: skip

LCM_LORA: Final = Weights(
    "animate-lcm-lora", "AnimateLCM, spatial part", ("adapters/animate-lcm-lora",), ("lora.safetensors",),
    _LCM["repository"], _LCM["licence"], 134_621_556, _LCM["commit"],
    downloads=(
        Download(
            "lora.safetensors", "", _LCM["repository"], _LCM["commit"], "AnimateLCM_sd15_t2v_lora.safetensors",
            "8f90d840e075ff588a58e22c6586e2ae9a6f7922996ee6649a7f01072333afe4",
        ),
    ),
)  # fmt: skip

_XL: Final = "stabilityai/stable-diffusion-xl-base-1.0"
_XL_COMMIT: Final = "462165984030d82259a11f4367a4eed129e94a7b"
_XL_VAE: Final = "madebyollin/sdxl-vae-fp16-fix"
_XL_VAE_COMMIT: Final = "207b116dae70ace3637169f1ddd2434b91b3a8cd"
SDXL_BASE: Final = Weights(
    "sdxl", "Stable Diffusion XL 1.0", ("bases/sdxl",), ("model_index.json",), _XL, "CreativeML Open RAIL++-M",
    7_100_000_000, _XL_COMMIT,
    downloads=(
        *hub.downloads(
            _XL, _XL_COMMIT,
            (
                *hub.INDEX, *hub.CLIP_TOKENIZER,
                *(file.replace("tokenizer/", "tokenizer_2/") for file in hub.CLIP_TOKENIZER),
                *hub.configs("text_encoder", "text_encoder_2", "unet"),
            ),
            (
                "text_encoder/model.fp16.safetensors", "text_encoder_2/model.fp16.safetensors",
                "unet/diffusion_pytorch_model.fp16.safetensors",
            ),
        ),
        # The VAE of SDXL overflows in half precision; this one was corrected for it.
        *(
            Download(f"vae/{name}", "", _XL_VAE, _XL_VAE_COMMIT, file)
            for name, file in (
                ("config.json", "config.json"),
                ("diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors"),
            )
        ),
    ),
)  # fmt: skip

# What the authors of the motion modules prescribe in place of the values in the base checkpoint's file.
TRAINED_WITH: Final[Mapping[str, Any]] = {
    "beta_schedule": "linear",
    "clip_sample": False,
    "timestep_spacing": "linspace",
    "steps_offset": 1,
}
DISTILLED_WITH: Final[Mapping[str, Any]] = {**TRAINED_WITH, "timestep_spacing": "trailing"}
# From `aura models memory`, which follows the tensors of the full-size networks.
MEMORY: Final = Memory(
    weights=3_040_098_110, largest=2_626_668_808, denoiser=2_626_668_808, fixed=0, frame=136_622_080,
    decoded=402_718_720,
)  # fmt: skip
XL_MEMORY: Final = Memory(
    weights=7_411_952_166, largest=5_609_202_568, denoiser=5_609_202_568, fixed=0, frame=546_157_568,
    decoded=1_610_874_880,
)  # fmt: skip


def _model(name: str, title: str, base: Weights, adapter: Weights, **changes: Any) -> Model:
    parts = {"base": base, "motion-adapter": adapter, **changes.pop("parts", {})}
    values: dict[str, Any] = {
        "files": GENERATOR_FILES,
        "source": base.source,
        "licence": f"{base.licence} (base), {adapter.licence} (motion adapter)",
        "size_bytes": sum(part.size_bytes for part in parts.values()),
        "revision": base.revision,
        "parts": parts,
        "memory": MEMORY,
        "schedulers": EXACT_SAMPLERS,
        "scheduler_config": TRAINED_WITH,
        "accepts": ("sd15",),
        **changes,
    }
    return Model(name=name, title=title, folders=(name,), **values)


def _lightning_model(steps: int) -> Model:
    name = "animatediff-lightning" if steps == 4 else f"animatediff-lightning-{steps}"
    return _model(
        name, f"AnimateDiff-Lightning, {steps} steps, on epiCRealism", BASES["epicrealism"],
        ADAPTERS[f"lightning-{steps}"], num_inference_steps=steps, steps=(steps,), guidance_scale=1.0,
        scheduler=Scheduler.EULER, schedulers=(Scheduler.EULER,), scheduler_config=DISTILLED_WITH,
    )  # fmt: skip


_V3: Final = ADAPTERS["v1-5-3"]
ANIMATEDIFF_MODELS: Final = (
    # Few-step models first: they are the fastest.
    _lightning_model(4),
    _lightning_model(2),
    _lightning_model(8),
    _lightning_model(1),
    _model(
        "animate-lcm", "AnimateLCM on epiCRealism", BASES["epicrealism"], ADAPTERS["animate-lcm"],
        parts={"lcm-lora": LCM_LORA}, loras=(("lcm-lora", 0.8),), num_inference_steps=6, guidance_scale=2.0,
        scheduler=Scheduler.LCM, schedulers=(Scheduler.LCM,),
    ),
    _model("animatediff", "AnimateDiff v1-5-3 on Stable Diffusion 1.5", BASES["sd15"], _V3),
    _model(
        "animatediff-v2", "AnimateDiff v1-5-2 on Stable Diffusion 1.5, for camera motion", BASES["sd15"],
        ADAPTERS["v1-5-2"], accepts=("sd15", "v1-5-2"),
    ),
    *(
        _model(f"animatediff-{name}", f"AnimateDiff v1-5-3 on {base.title}", base, _V3)
        for name, base in BASES.items()
        if name != "sd15"
    ),
    _model(
        "animatediff-sdxl", "AnimateDiff on Stable Diffusion XL (beta)", SDXL_BASE, ADAPTERS["sdxl-beta"],
        family="animatediff-sdxl", variant="fp16", accepts=("sdxl",), max_frames=32, base_area=1024 * 1024,
        guidance_scale=8.0, memory=XL_MEMORY,
    ),
)  # fmt: skip
