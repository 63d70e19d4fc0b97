"""The training loop: options, checkpoints, averaged weights, the Muon optimiser, a log."""

import argparse
import logging
import os
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

log = logging.getLogger("pipeline.tiny")
DEFAULT_WORK = Path(".tiny-train")


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of every training program."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--work", type=Path, default=DEFAULT_WORK, help="folder of the data pools and checkpoints")
    options.add_argument("--threads", type=int, default=int(os.environ.get("OMP_NUM_THREADS", "2")))
    return options


def start(work: Path, threads: int, seed: int) -> None:
    """Configure logging, the number of threads and the seed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(threads)
    torch.manual_seed(seed)


def save(path: Path, **state: Any) -> None:
    """Write a checkpoint atomically."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def load(path: Path) -> dict[str, Any] | None:
    """The checkpoint, or None if there is none yet."""
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


class Average:
    """An exponential moving average of a model's weights. The decay is lower during the first steps."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = {key: value.detach().clone() for key, value in model.state_dict().items()}

    def update(self, model: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        for key, value in model.state_dict().items():
            self.weights[key].lerp_(value.detach(), 1 - decay)

    def state(self) -> dict[str, Any]:
        return {"steps": self.steps, "weights": self.weights}

    def restore(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        self.weights = state["weights"]


class Muon(torch.optim.Optimizer):
    """SGD with momentum, whose update matrices are orthogonalised by four Newton-Schulz steps."""

    def __init__(self, params: list[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                gradient = parameter.grad
                momentum = state.setdefault("momentum", torch.zeros_like(gradient))
                momentum.lerp_(gradient, 1 - group["momentum"])
                ahead = gradient.lerp(momentum, group["momentum"])
                matrix = ahead.reshape(len(ahead), -1)
                direction = orthogonal(matrix).reshape(parameter.shape)
                scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                parameter.add_(direction, alpha=-group["lr"] * scale)


def orthogonal(matrix: Tensor, steps: int = 4) -> Tensor:
    """An approximation of the nearest (semi-)orthogonal matrix: singular values close to 1."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


class Pace:
    """Steps per second since the previous call."""

    def __init__(self) -> None:
        self._last_time = time.monotonic()
        self._last_step: int | None = None

    def __call__(self, step: int) -> float:
        now = time.monotonic()
        done = step - self._last_step if self._last_step is not None else 0
        rate = done / max(now - self._last_time, 1e-9)
        self._last_time, self._last_step = now, step
        return rate
