"""Published checkpoints that are not safetensors, converted once. Code inside a pickled file is never executed."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file
from torch import Tensor

from pipeline.contract.entries import Conversion

Tensors = dict[str, Tensor]


class ConversionFailed(Exception):
    """The file is damaged, contains code, or is not of the expected kind."""


def convert(source: Path, target: Path, kind: Conversion) -> None:
    """Write the tensors of `source` to the safetensors file `target`, atomically. Raises ConversionFailed."""
    try:
        stored = torch.load(source, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise ConversionFailed(f"{source.name} is not a checkpoint of tensors: {str(error).splitlines()[0]}") from error
    tensors, metadata = CONVERTERS[kind](_state_dict(stored))
    if not tensors:
        raise ConversionFailed(f"{source.name} contains no weights of the kind {kind}")
    partial = target.with_name(f".{target.name}.partial")
    save_file(
        {key: value.contiguous().clone() for key, value in tensors.items()}, partial, {"format": "pt", **metadata}
    )
    partial.replace(target)


def _state_dict(stored: Any) -> Tensors:
    """The tensors of a checkpoint, which may be nested under `state_dict`, without the prefix of a parallel module."""
    inner = stored.get("state_dict", stored) if isinstance(stored, Mapping) else {}
    return {key.removeprefix("module."): value for key, value in inner.items() if isinstance(value, Tensor)}


def _unchanged(weights: Tensors) -> tuple[Tensors, dict[str, str]]:
    return weights, {}


def motion_module(weights: Tensors) -> tuple[Tensors, dict[str, str]]:
    """The keys of the AnimateDiff authors to those of MotionAdapter. The position embeddings only state a length."""
    lengths = [value.shape[1] for key, value in weights.items() if "pos_encoder" in key]
    metadata = {"motion_max_seq_length": str(lengths[0])} if lengths else {}
    renamed = {
        _rename(key): value for key, value in weights.items() if "motion_modules" in key and "pos_encoder" not in key
    }
    return renamed, metadata


def motion_lora(weights: Tensors) -> tuple[Tensors, dict[str, str]]:
    """`….processor.to_q_lora.down.weight` to `unet.….to_q.lora_A.weight`."""
    renamed = {}
    for key, value in weights.items():
        name = _rename(key).replace(".processor", "").replace(".to_out_lora", ".to_out.0_lora")
        name = name.replace("_lora.down.", ".lora_A.").replace("_lora.up.", ".lora_B.")
        if ".lora_A." in name or ".lora_B." in name:
            renamed[f"unet.{name}"] = value
    return renamed, {}


def _rename(key: str) -> str:
    for old, new in (
        (".norms.0", ".norm1"), (".norms.1", ".norm2"), (".ff_norm", ".norm3"), (".attention_blocks.0", ".attn1"),
        (".attention_blocks.1", ".attn2"), (".temporal_transformer", ""),
    ):  # fmt: skip
        key = key.replace(old, new)
    return key


CONVERTERS: Final[Mapping[Conversion, Callable[[Tensors], tuple[Tensors, dict[str, str]]]]] = {
    "tensors": _unchanged,
    "motion-module": motion_module,
    "motion-lora": motion_lora,
}
