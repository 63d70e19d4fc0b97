"""Where the networks run: the device, their precision, and the share of the device's memory."""

from dataclasses import asdict
from typing import Final, Self

import torch

from pipeline.contract.families import Precision
from pipeline.contract.hardware import Budget, Hardware

DTYPES: Final[dict[str, torch.dtype]] = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def resolve_device(name: str) -> str:
    """`auto` becomes `cuda` if a GPU is available, else `cpu`."""
    if name != "auto":
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


class Device(Hardware):
    """The hardware of this process."""

    @classmethod
    def of(cls, value: Hardware | str) -> Self:
        """The device for a configuration, or for the name of a device."""
        return cls(**asdict(value)) if isinstance(value, Hardware) else cls(device=value)

    @property
    def torch_device(self) -> torch.device:
        return torch.device(resolve_device(self.device))

    @property
    def is_gpu(self) -> bool:
        return self.torch_device.type == "cuda"

    def dtype(self, default: Precision = "fp16") -> torch.dtype:
        """The requested precision. `auto` is single precision on a CPU, and `default` on a GPU."""
        if self.precision != "auto":
            return DTYPES[self.precision]
        if not self.is_gpu:
            return torch.float32
        if default == "bf16" and not torch.cuda.is_bf16_supported():
            return torch.float16
        return DTYPES[default]

    def budget(self) -> Budget:
        available = None
        if self.is_gpu:
            total = torch.cuda.get_device_properties(self.torch_device).total_memory
            available = int(total * self.memory_share)
        return Budget(available, self.dtype() is torch.float32, self.offload)

    def reserve(self) -> None:
        """Limit this process to its share of the card. Ray's fractions only count; they do not limit memory."""
        if self.is_gpu and self.memory_share < 1:
            torch.cuda.set_per_process_memory_fraction(self.memory_share, self.torch_device)
