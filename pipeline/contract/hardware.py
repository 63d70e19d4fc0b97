"""What a stage runs on, as an operator configures it. `pipeline.models.hardware` turns it into a torch device."""

from dataclasses import dataclass
from typing import Literal

from pipeline.contract.families import Precision


@dataclass(frozen=True, slots=True)
class Hardware:
    """`device` is auto, cpu, cuda or cuda:N. `memory_share` is the share of the card that a process may use, in 0..1.

    `offload` keeps each part on the GPU only while it computes; None: if the model does not fit otherwise. `compiled`
    compiles the denoiser at its first use.
    """

    device: str = "auto"
    precision: Precision | Literal["auto"] = "auto"
    memory_share: float = 1.0
    offload: bool | None = None
    compiled: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """The memory in bytes that a process may use; None: not limited, or not known. `offload`: see `Hardware`."""

    available: int | None = None
    single_precision: bool = False
    offload: bool | None = None
