"""The published networks at full size on the meta device: for key sets, numbers of parameters, and memory."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import diffusers
import torch
import transformers
from torch import nn

from pipeline.contract.entries import Memory
from pipeline.models.memory import META, floating_point_operations, peak_bytes, weight_bytes

HALF: Final = torch.float16
GUIDED: Final = 2


@dataclass(frozen=True, slots=True)
class Architecture:
    """Builders of the parts by name. `denoise(network, frames, width, height)` is one guided call of the denoiser.

    `decode(vae, frames, width, height)` decodes the frames at once.
    """

    denoiser: str
    parts: dict[str, Callable[[], nn.Module]]
    denoise: Callable[[nn.Module, int, int, int], Any]
    decode: Callable[[nn.Module, int, int, int], Any]
    native: tuple[int, int, int]


def empty(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=HALF, device=META)


def on_meta(build: Callable[[], nn.Module], dtype: torch.dtype = HALF) -> nn.Module:
    with META:
        # Some layers create their constants on the CPU in spite of the default device.
        return build().to(device=META, dtype=dtype).eval()


def clip_text() -> nn.Module:
    return transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, vocab_size=49408
        )
    )


def frame_vae() -> nn.Module:
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512,
    )  # fmt: skip


def sd15_unet() -> nn.Module:
    return diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)


def motion_unet() -> nn.Module:
    """Stable Diffusion 1.5 with the layers of motion adapter v1-5-2."""
    return diffusers.UNetMotionModel.from_unet2d(sd15_unet(), diffusers.MotionAdapter())


def sdxl_unet() -> nn.Module:
    return diffusers.UNet2DConditionModel(
        sample_size=128, block_out_channels=(320, 640, 1280), cross_attention_dim=2048, attention_head_dim=(5, 10, 20),
        transformer_layers_per_block=(1, 2, 10), use_linear_projection=True, addition_embed_type="text_time",
        addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip


def sdxl_motion_unet() -> nn.Module:
    adapter = diffusers.MotionAdapter(block_out_channels=(320, 640, 1280), use_motion_mid_block=False)
    return diffusers.UNetMotionModel.from_unet2d(sdxl_unet(), adapter)


def open_clip_text(width: int, layers: int, projected: bool = False) -> nn.Module:
    config = transformers.CLIPTextConfig(
        hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers, num_attention_heads=width // 64,
        projection_dim=width, vocab_size=49408, hidden_act="gelu",
    )  # fmt: skip
    return (transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel)(config)


def open_clip_image() -> nn.Module:
    return transformers.CLIPVisionModelWithProjection(
        transformers.CLIPVisionConfig(
            hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16, patch_size=14,
            projection_dim=1024, hidden_act="gelu",
        )
    )  # fmt: skip


def temporal_vae() -> nn.Module:
    return diffusers.AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 4, block_out_channels=(128, 256, 512, 512), layers_per_block=2,
        latent_channels=4, sample_size=768,
    )  # fmt: skip


def t5_xxl(
    kind: type = transformers.T5EncoderModel, config: type = transformers.T5Config, vocabulary: int = 32128
) -> Any:
    return kind(
        config(
            vocab_size=vocabulary, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
            feed_forward_proj="gated-gelu",
        )
    )  # fmt: skip


def umt5_xxl() -> nn.Module:
    return t5_xxl(transformers.UMT5EncoderModel, transformers.UMT5Config, 256384)


def wan() -> nn.Module:
    return diffusers.WanTransformer3DModel(
        num_attention_heads=12, attention_head_dim=128, ffn_dim=8960, num_layers=30, in_channels=16, out_channels=16
    )


def wan22() -> nn.Module:
    return diffusers.WanTransformer3DModel(
        num_attention_heads=24, attention_head_dim=128, ffn_dim=14336, num_layers=30, in_channels=48, out_channels=48
    )


def wan22_vae() -> nn.Module:
    return diffusers.AutoencoderKLWan(
        base_dim=160, decoder_base_dim=256, z_dim=48, is_residual=True, in_channels=12, out_channels=12, patch_size=2,
        temperal_downsample=[False, True, True], scale_factor_spatial=16, latents_mean=[0.0] * 48,
        latents_std=[1.0] * 48,
    )  # fmt: skip


def _denoise_unet(network: nn.Module, frames: int, width: int, height: int) -> Any:
    latents = empty(GUIDED, 4, frames, height // 8, width // 8)
    return network(latents, 500, encoder_hidden_states=empty(GUIDED * frames, 77, 768))


def _decode_frames(vae: Any, frames: int, width: int, height: int) -> Any:
    return vae.decode(empty(frames, 4, height // 8, width // 8))


def _denoise_sdxl(network: nn.Module, frames: int, width: int, height: int) -> Any:
    added = {"text_embeds": empty(GUIDED, 1280), "time_ids": empty(GUIDED, 6)}
    latents = empty(GUIDED, 4, frames, height // 8, width // 8)
    words = empty(GUIDED * frames, 77, 2048)
    return network(latents, 500, encoder_hidden_states=words, added_cond_kwargs=added)


def _denoise_modelscope(network: nn.Module, frames: int, width: int, height: int) -> Any:
    return network(empty(GUIDED, 4, frames, height // 8, width // 8), 500, empty(GUIDED, 77, 1024))


def _denoise_svd(network: nn.Module, frames: int, width: int, height: int) -> Any:
    latents = empty(GUIDED, frames, 8, height // 8, width // 8)
    return network(latents, torch.empty((), device=META), empty(GUIDED, 1, 1024), empty(GUIDED, 3))


def _decode_svd(vae: Any, frames: int, width: int, height: int) -> Any:
    return vae.decode(empty(frames, 4, height // 8, width // 8), num_frames=frames)


def _denoise_wan(network: nn.Module, frames: int, width: int, height: int) -> Any:
    # Both halves of the guidance are computed one after the other.
    latents = empty(1, 16, (frames - 1) // 4 + 1, height // 8, width // 8)
    return network(latents, torch.empty(1, device=META), encoder_hidden_states=empty(1, 512, 4096))


def _denoise_wan22(network: nn.Module, frames: int, width: int, height: int) -> Any:
    # Each token of 2 x 2 latents has a time step of its own.
    latents = empty(1, 48, (frames - 1) // 4 + 1, height // 16, width // 16)
    tokens = latents.numel() // 48 // 4
    return network(latents, torch.empty((1, tokens), device=META), encoder_hidden_states=empty(1, 512, 4096))


def _denoise_ltx(network: nn.Module, frames: int, width: int, height: int) -> Any:
    at = ((frames - 1) // 8 + 1, height // 32, width // 32)
    tokens = at[0] * at[1] * at[2]
    mask = torch.empty((GUIDED, 128), dtype=torch.int64, device=META)
    return network(
        empty(GUIDED, tokens, 128), empty(GUIDED, 128, 4096), torch.empty(GUIDED, device=META),
        encoder_attention_mask=mask, num_frames=at[0], height=at[1], width=at[2],
        rope_interpolation_scale=(8 / 24, 32, 32),
    )  # fmt: skip


def _denoise_cogvideox(network: nn.Module, frames: int, width: int, height: int) -> Any:
    latents = empty(GUIDED, (frames - 1) // 4 + 1, 16, height // 8, width // 8)
    return network(latents, empty(GUIDED, 226, 4096), torch.empty(GUIDED, device=META))


def _nothing(vae: nn.Module, frames: int, width: int, height: int) -> Any:
    """Video VAEs decode in slices of their own; their peak is not followed here."""


_STABLE_DIFFUSION: Final = {"text_encoder": clip_text, "vae": frame_vae}
ARCHITECTURES: Final[dict[str, Architecture]] = {
    "animatediff": Architecture(
        "unet", {**_STABLE_DIFFUSION, "unet": motion_unet}, _denoise_unet, _decode_frames, (16, 512, 512)
    ),
    "animatediff-sdxl": Architecture(
        "unet",
        {"text_encoder": clip_text, "text_encoder_2": lambda: open_clip_text(1280, 32, projected=True),
         "vae": frame_vae, "unet": sdxl_motion_unet},
        _denoise_sdxl, _decode_frames, (16, 1024, 1024),
    ),
    "modelscope": Architecture(
        "unet",
        {"text_encoder": lambda: open_clip_text(1024, 23), "vae": frame_vae, "unet": diffusers.UNet3DConditionModel},
        _denoise_modelscope, _decode_frames, (16, 256, 256),
    ),
    "zeroscope": Architecture(
        "unet",
        {"text_encoder": lambda: open_clip_text(1024, 23), "vae": frame_vae, "unet": diffusers.UNet3DConditionModel},
        _denoise_modelscope, _decode_frames, (24, 576, 320),
    ),
    "svd": Architecture(
        "unet",
        {"image_encoder": open_clip_image, "vae": temporal_vae, "unet": diffusers.UNetSpatioTemporalConditionModel},
        _denoise_svd, _decode_svd, (14, 1024, 576),
    ),
    "wan-1.3b": Architecture(
        "transformer", {"text_encoder": umt5_xxl, "vae": diffusers.AutoencoderKLWan, "transformer": wan},
        _denoise_wan, _nothing, (81, 832, 480),
    ),
    "wan2.2-5b": Architecture(
        "transformer", {"text_encoder": umt5_xxl, "vae": wan22_vae, "transformer": wan22}, _denoise_wan22, _nothing,
        (121, 1280, 704),
    ),
    "ltx-video": Architecture(
        "transformer",
        {"text_encoder": t5_xxl, "vae": diffusers.AutoencoderKLLTXVideo,
         "transformer": diffusers.LTXVideoTransformer3DModel},
        _denoise_ltx, _nothing, (161, 704, 480),
    ),
    "cogvideox-2b": Architecture(
        "transformer",
        {"text_encoder": t5_xxl, "vae": diffusers.AutoencoderKLCogVideoX,
         "transformer": diffusers.CogVideoXTransformer3DModel},
        _denoise_cogvideox, _nothing, (49, 720, 480),
    ),
}  # fmt: skip


def measure(architecture: Architecture) -> Memory:
    """The memory of a model, from two lengths: what is fixed, and what each frame adds."""
    modules = {name: on_meta(build) for name, build in architecture.parts.items()}
    sizes = {name: weight_bytes(module) for name, module in modules.items()}
    longer, width, height = architecture.native
    # Video transformers draw 8k + 1 frames.
    shorter = (longer - 1) // 2 // 8 * 8 + 1 if longer % 2 else longer // 2
    denoiser = modules[architecture.denoiser]
    peaks = [peak_bytes(denoiser, partial(architecture.denoise, denoiser, n, width, height)) for n in (shorter, longer)]
    per_frame = (peaks[1] - peaks[0]) / (longer - shorter)
    vae = modules["vae"]
    return Memory(
        weights=sum(sizes.values()),
        largest=max(sizes.values()),
        denoiser=sizes[architecture.denoiser],
        fixed=int(peaks[1] - per_frame * longer),
        frame=int(per_frame),
        decoded=peak_bytes(vae, lambda: architecture.decode(vae, 1, width, height)),
    )


def step_flops(architecture: Architecture, frames: int) -> int:
    """The work of one guided step. Wan computes both halves of the guidance one after the other."""
    denoiser = on_meta(architecture.parts[architecture.denoiser])
    calls = GUIDED if architecture.denoise in (_denoise_wan, _denoise_wan22) else 1
    _, width, height = architecture.native
    return calls * floating_point_operations(lambda: architecture.denoise(denoiser, frames, width, height))
