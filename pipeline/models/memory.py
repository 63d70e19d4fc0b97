"""The peak memory and the work of a network on the meta device: nothing is computed or allocated."""

import weakref
from collections.abc import Callable
from typing import Any, Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

META: Final = torch.device("meta")


class _FusedAttention(TorchFunctionMode):
    """Attention as the fused kernels of a GPU compute it: without the matrix of all pairs."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is functional.scaled_dot_product_attention:
            query, _, value = args[:3] if len(args) >= 3 else (kwargs["query"], None, kwargs["value"])
            return query.new_empty((*query.shape[:-1], value.shape[-1]))
        return func(*args, **(kwargs or {}))


class PeakMemory(TorchDispatchMode):
    """Counts the bytes of all storages that are created inside, until they are freed. `peak` is the largest sum."""

    def __init__(self) -> None:
        super().__init__()
        self.current = self.peak = 0
        self._seen: set[int] = set()
        self._attention = _FusedAttention()

    def __enter__(self) -> Self:
        self._attention.__enter__()
        return super().__enter__()

    def __exit__(self, *details: Any) -> None:
        super().__exit__(*details)
        self._attention.__exit__(*details)

    def ignore(self, module: nn.Module) -> None:
        """Do not count the parameters of a module, in case an operation returns one of them."""
        for tensor in (*module.parameters(), *module.buffers()):
            self._seen.add(id(tensor.untyped_storage()))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()
        if key in self._seen:
            return
        self._seen.add(key)
        self.current += size
        self.peak = max(self.peak, self.current)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._seen.discard(key)
        self.current -= size


def peak_bytes(module: nn.Module, call: Callable[[], Any]) -> int:
    """The largest sum of all intermediate results of `call`, in bytes, besides the weights of the module."""
    memory = PeakMemory()
    memory.ignore(module)
    with torch.inference_mode(), memory:
        call()
    return memory.peak


def floating_point_operations(call: Callable[[], Any]) -> int:
    """The multiplications and additions of `call`, counted without computing."""
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        call()
    return int(counter.get_total_flops())


def weight_bytes(module: nn.Module) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in (*module.parameters(), *module.buffers()))


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
