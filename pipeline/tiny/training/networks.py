"""The networks of the small AnimateDiff: small diffusers and transformers classes, and their initial values."""

import math

import torch
from diffusers import AutoencoderKL, DDIMScheduler, MotionAdapter, UNet2DConditionModel, UNetMotionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

LATENT_CHANNELS = 8
TEXT_WIDTH = 128
TEXT_LENGTH = 24
CHANNELS = (32, 64, 128)


def autoencoder() -> AutoencoderKL:
    """RGB (B, 3, H, W) in -1..1 to latents (B, 8, H/8, W/8) of about unit variance, and back."""
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 64),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        # With more groups, the mean of a flat colour is lost.
        norm_num_groups=2,
        mid_block_add_attention=False,
        sample_size=64,
        scaling_factor=1.0,
        force_upcast=False,
    )
    _initialise_convolutions(vae, residual=0.1)
    # Flat colours must differ after the first norm.
    nn.init.normal_(vae.encoder.conv_in.bias)
    nn.init.normal_(vae.decoder.conv_in.bias)
    return vae


def text_encoder(vocab_size: int, eos_token_id: int, bos_token_id: int) -> CLIPTextModel:
    """Token ids (B, 24) to hidden states (B, 24, 128)."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocab_size,
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=TEXT_LENGTH,
            projection_dim=TEXT_WIDTH,
            eos_token_id=eos_token_id,
            bos_token_id=bos_token_id,
            pad_token_id=eos_token_id,
        )
    )


def unet() -> UNet2DConditionModel:
    """Resolutions 8x8, 4x4 and 2x2. The lowest one connects all positions, which determines the layout."""
    model = UNet2DConditionModel(
        sample_size=8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=CHANNELS,
        layers_per_block=1,
        attention_head_dim=2,
        cross_attention_dim=TEXT_WIDTH,
        norm_num_groups=8,
        use_linear_projection=True,
    )
    _initialise_convolutions(model, residual=0.3)
    for name, parameter in model.named_parameters():
        if name.endswith("proj_out.weight"):
            parameter.data.mul_(0.5)
    _pass_latents_through(model)
    return model


def motion_adapter() -> MotionAdapter:
    """The temporal layers that are inserted between the spatial ones of the UNet."""
    adapter = MotionAdapter(
        block_out_channels=CHANNELS,
        motion_layers_per_block=1,
        motion_num_attention_heads=2,
        # The pipeline uses the value of the UNet, so both must be equal.
        motion_norm_num_groups=8,
        motion_max_seq_length=32,
        use_motion_mid_block=True,
    )
    for name, module in adapter.named_modules():
        if name.endswith("transformer_blocks.0.attn1") and isinstance(module, Attention):
            _initialise_temporal_attention(module)
        elif name.endswith("proj_out") and isinstance(module, nn.Linear):
            # AnimateDiff initialises it with zeros.
            module.reset_parameters()
            with torch.no_grad():
                module.weight.mul_(0.5)
                module.bias.zero_()
    return adapter


def motion_unet(base: UNet2DConditionModel, adapter: MotionAdapter) -> UNetMotionModel:
    """Both in one model, combined like in the pipeline."""
    return UNetMotionModel.from_unet2d(base, adapter)


def split(model: UNetMotionModel) -> tuple[UNet2DConditionModel, MotionAdapter]:
    """The inverse of `motion_unet`: the contents of base/unet and of motion-adapter."""
    weights = model.state_dict()
    base, adapter = unet(), motion_adapter()
    base.load_state_dict({key: value for key, value in weights.items() if "motion_modules" not in key})
    adapter.load_state_dict({key: value for key, value in weights.items() if "motion_modules" in key})
    return base, adapter


def scheduler() -> DDIMScheduler:
    """Zero terminal SNR and x0-prediction: the input of the first step is pure noise, like in training."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="linear",
        clip_sample=False,
        prediction_type="sample",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        # Unused with trailing timesteps, but diffusers requires it of Stable Diffusion 1.5.
        steps_offset=1,
    )


def _initialise_convolutions(model: nn.Module, residual: float) -> None:
    """Kaiming (linear) initialisation, with the last convolution of every resnet scaled by `residual`."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            if name.endswith("conv2"):
                with torch.no_grad():
                    module.weight.mul_(residual)


def _pass_latents_through(model: UNet2DConditionModel) -> None:
    """Pass +latent and -latent to the last up resnet: the skip connection carries the first 16 channels of conv_in."""
    nn.init.zeros_(model.conv_out.weight)
    nn.init.zeros_(model.conv_out.bias)
    copied = 2 * LATENT_CHANNELS
    with torch.no_grad():
        model.conv_in.weight[:copied] = 0
        for channel in range(LATENT_CHANNELS):
            model.conv_in.weight[channel, channel, 1, 1] = 1.0
            model.conv_in.weight[LATENT_CHANNELS + channel, channel, 1, 1] = -1.0
        # The input of the last resnet is [hidden, skip of conv_in]; its shortcut forwards the copies.
        shortcut = model.up_blocks[-1].resnets[-1].conv_shortcut.weight
        skip = shortcut.shape[1] - CHANNELS[0]
        shortcut[:copied] = 0
        for channel in range(copied):
            shortcut[channel, skip + channel] = 1.0


def _initialise_temporal_attention(attention: Attention) -> None:
    """Initialise temporal attention so that it distinguishes frames; the default averages over the frame index."""
    width = attention.to_q.in_features
    selector = torch.zeros(width, width)
    # Number of channels of the position embedding with wavelengths below 2*pi*10 frames.
    fast = 2 * max(1, round(width * math.log(10) / (2 * math.log(10000.0))))
    heads = attention.heads
    inner = width // heads
    for head in range(heads):
        for i in range(min(fast, inner)):
            selector[head * inner + i, i] = 1.0
    with torch.no_grad():
        q, k = attention.to_q.weight, attention.to_k.weight
        start = 1.6 * selector
        q.copy_(start + 0.3 * q)
        k.copy_(start + 0.3 * k)
        attention.to_v.weight.mul_(2.0)


def as_pixels(frames: Tensor) -> Tensor:
    """uint8 (N, H, W, 3) to float32 (N, 3, H, W) in -1..1."""
    return frames.permute(0, 3, 1, 2).float().div(127.5).sub(1.0)


def as_frames(pixels: Tensor) -> Tensor:
    """float (N, 3, H, W) in -1..1 to uint8 (N, H, W, 3)."""
    return pixels.add(1.0).mul(127.5).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)
