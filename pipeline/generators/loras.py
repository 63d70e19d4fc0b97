"""Variants of a pipeline: copies that share its weights and have LoRAs, so that the pipeline itself never changes."""

import copy
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pipeline.contract.errors import StageFailed


@dataclass(frozen=True, slots=True)
class LoraFile:
    path: Path
    weight: float


@dataclass(frozen=True, slots=True)
class VariantKey:
    """What distinguishes a variant from the bare pipeline. `context` is the window of FreeNoise; 0: without it."""

    context: int
    loras: tuple[LoraFile, ...]


def copy_with_shared_weights(module: torch.nn.Module) -> torch.nn.Module:
    """A deep copy whose parameters and buffers are the same tensors."""
    tensors = (*module.parameters(), *module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})


def copy_pipeline(pipeline: Any, denoiser: str, *, with_text_encoder: bool) -> Any:
    """A pipeline with copies of the parts that LoRAs are added to. All other parts are the same objects."""
    parts = dict(pipeline.components)
    # What `model_index.json` states besides the parts, such as `expand_timesteps` of Wan 2.2.
    options = {name: pipeline.config[name] for name in inspect.signature(type(pipeline)).parameters.keys() - parts}
    copied = [denoiser, *(name for name in parts if name.startswith("text_encoder") and with_text_encoder)]
    parts |= {name: copy_with_shared_weights(parts[name]) for name in copied if parts[name] is not None}
    return type(pipeline)(**parts, **options)


def apply(pipeline: Any, key: VariantKey) -> Any:
    """Load the LoRAs of the key into the pipeline with their weights. Raises StageFailed if a file does not fit."""
    names = [f"lora_{index}" for index in range(len(key.loras))]
    for name, lora in zip(names, key.loras, strict=True):
        try:
            pipeline.load_lora_weights(load_file(lora.path), adapter_name=name)
        except (LookupError, ValueError, RuntimeError, SafetensorError, OSError) as error:
            raise StageFailed("generate", f"{lora.path} is not a LoRA for this model: {error}") from error
    if names:
        if not any(name in adapters for adapters in pipeline.get_list_adapters().values() for name in names):
            raise StageFailed("generate", f"{key.loras[0].path} contains no weights for this model")
        pipeline.set_adapters(names, [lora.weight for lora in key.loras])
    return pipeline
