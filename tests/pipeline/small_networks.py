"""Small networks with random weights, the same in every run, and the tokenizer of a T5."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import sentencepiece
import torch
import transformers

from pipeline.tiny.training import tokens

WORDS = [
    "a",
    "red",
    "green",
    "blue",
    "circle",
    "square",
    "star",
    "moving",
    "left",
    "right",
    "up",
    "down",
    "on",
    "background",
    "the",
    "of",
    "in",
    "video",
]

SD_SCHEDULER = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}

DEPTH = (32, 64)

TEXT_WIDTH = 32


def seeded(build: Callable[[], Any]) -> Any:
    """A network in evaluation mode whose random weights are the same in every run. Layers of zeros get values."""
    torch.manual_seed(0)
    network = build().eval()
    for parameter in network.parameters():
        if not parameter.detach().any():
            torch.nn.init.normal_(parameter, std=0.02)
    return network


def clip_text(tokenizer: Any, projected: bool = False, width: int = TEXT_WIDTH) -> Any:
    config = transformers.CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=tokens.LENGTH, projection_dim=width, eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    cls = transformers.CLIPTextModelWithProjection if projected else transformers.CLIPTextModel
    return seeded(lambda: cls(config))


def frame_vae(force_upcast: bool = True) -> Any:
    return seeded(
        lambda: diffusers.AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(16, 16, 16, 16), layers_per_block=1, latent_channels=4, norm_num_groups=4,
            sample_size=64, force_upcast=force_upcast,
        )
    )  # fmt: skip


def sd_unet(**changes: Any) -> Any:
    values = {
        "sample_size": 8, "block_out_channels": DEPTH, "layers_per_block": 1, "cross_attention_dim": TEXT_WIDTH,
        "attention_head_dim": 8, "norm_num_groups": 8, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), **changes,
    }  # fmt: skip
    return seeded(lambda: diffusers.UNet2DConditionModel(**values))


def motion_adapter(channels: tuple[int, ...] = DEPTH, mid_block: bool = True) -> Any:
    return seeded(
        lambda: diffusers.MotionAdapter(
            block_out_channels=channels, motion_layers_per_block=1, motion_num_attention_heads=8,
            motion_norm_num_groups=32, motion_max_seq_length=32, use_motion_mid_block=mid_block,
        )
    )  # fmt: skip


def t5_tokenizer(folder: Path) -> Any:
    """A SentencePiece model like T5's, as `spiece.model` without the file of a fast tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    lines = folder / "lines.txt"
    lines.write_text("\n".join(" ".join(rng.choices(WORDS, k=8)) for _ in range(300)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(folder / "spiece"), vocab_size=44, pad_id=0, eos_id=1, unk_id=2, bos_id=-1,
        minloglevel=3,
    )  # fmt: skip
    special = {"eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    config = {"tokenizer_class": "T5Tokenizer", "model_max_length": 512, "extra_ids": 0, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
    return transformers.T5Tokenizer.from_pretrained(folder, local_files_only=True)


def t5_encoder(kind: str, vocabulary: int) -> Any:
    values = {
        "vocab_size": vocabulary, "d_model": TEXT_WIDTH, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4,
        "feed_forward_proj": "gated-gelu",
    }  # fmt: skip
    if kind == "umt5":
        return seeded(lambda: transformers.UMT5EncoderModel(transformers.UMT5Config(**values)))
    return seeded(lambda: transformers.T5EncoderModel(transformers.T5Config(**values)))
