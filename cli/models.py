"""`aura models`: the catalog, and which of the models are downloaded."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TransferSpeedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from pipeline.contract.catalog import Model, Weights, all_weights, family_of
from pipeline.models.weights import is_available

GIB = 2**30
# Lengths in frames for models that draw more than their context with FreeNoise.
LENGTHS = {"animatediff": (16, 24, 48, 80, 160)}


def describe(stage: str, weights: Weights, models_dir: Path) -> dict[str, Any]:
    """One entry of the catalog as JSON. `memory_gib` is the peak in half precision at the native size and length."""
    parts = {role: part.name for role, part in weights.parts.items()} if isinstance(weights, Model) else {}
    revisions = {weights.source: weights.revision}
    if isinstance(weights, Model):
        revisions |= {part.source: part.revision for part in weights.parts.values()}
    entry: dict[str, Any] = {
        "name": weights.name, "stage": stage, "title": weights.title,
        "available": is_available(weights, models_dir), "licence": weights.licence,
        "commercial_use": weights.commercial, "gated": weights.gated, "size_bytes": weights.size_bytes,
        "revisions": revisions, "parts": parts, "sha256": file_hashes(weights),
    }  # fmt: skip
    if isinstance(weights, Model):
        entry |= {
            "family": weights.family, "native_fps": weights.native_fps, "native_pixels": weights.base_area,
            "sizes": list(weights.sizes), "frames": weights.context_frames, "max_frames": weights.max_frames or None,
            "num_inference_steps": weights.num_inference_steps, "image": family_of(weights).image or None,
            "schedulers": [scheduler.value for scheduler in weights.schedulers],
            "memory_gib": memory_by_dtype(weights), "knows": weights.knows,
        }  # fmt: skip
    return entry


def file_hashes(weights: Weights) -> dict[str, str | None]:
    """The pinned hash of each published file by its address; None: the one that the hub states for the commit."""
    parts = weights.parts.values() if isinstance(weights, Model) else ()
    return {
        download.address(): download.sha256 or None for entry in (weights, *parts) for download in entry.downloads
    }  # fmt: skip


def memory_by_dtype(model: Model) -> dict[str, float] | None:
    """GiB at the native size and length by precision; None: not measured."""
    if model.memory is None:
        return None
    memory = model.memory
    half = (memory.weights + memory.fixed + memory.frame * model.context_frames) / GIB
    return {"fp16": round(half, 1), "bf16": round(half, 1), "fp32": round(2 * half, 1)}


def print_models(models_dir: Path, console: Console, *, as_json: bool = False) -> None:
    entries = [describe(stage, weights, models_dir) for stage, weights in all_weights()]
    if as_json:
        console.out(json.dumps(entries, indent=1), highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for column in ("model", "stage", "available", "GB", "revision"):
        table.add_column(column, no_wrap=True)
    table.add_column("licence", ratio=1)
    table.add_column("description", ratio=1)
    for entry in entries:
        use = "" if entry["commercial_use"] else " (no commercial use)"
        revision = "+".join(revision[:8] for revision in entry["revisions"].values())
        table.add_row(
            entry["name"], entry["stage"], "yes" if entry["available"] else "no", f"{entry['size_bytes'] / 1e9:.1f}",
            revision, f"{entry['licence']}{use}", f"{entry['title']}: {entry.get('knows', '')}".removesuffix(": "),
        )  # fmt: skip
    console.print(table)


def memory_entries(name: str | None) -> Iterator[dict[str, Any]]:
    """The peaks of each network by the number of frames, in GiB, and the work of a step in TFLOP."""
    from pipeline.generators.architectures import ARCHITECTURES, measure, step_flops

    for key in [name] if name in ARCHITECTURES else ARCHITECTURES:
        architecture = ARCHITECTURES[key or ""]
        memory = measure(architecture)
        native, width, height = architecture.native
        for frames in LENGTHS.get(key or "", (native,)):
            working = memory.fixed + memory.frame * frames
            yield {
                "model": key,
                "frames": frames,
                "size": f"{width}x{height}",
                "weights": memory.weights / GIB,
                "denoising": (memory.weights + working) / GIB,
                "with offload": max(memory.largest, memory.denoiser + working) / GIB,
                "a decoded frame": memory.decoded / GIB,
                "TFLOP a step": step_flops(architecture, native) / 1e12 if frames == native else None,
            }


def print_memory(name: str | None, console: Console, *, as_json: bool = False) -> None:
    entries = list(memory_entries(name))
    if as_json:
        console.out(json.dumps(entries), highlight=False)
        return
    table = Table(*entries[0], box=None, pad_edge=False)
    for entry in entries:
        values = entry.values()
        table.add_row(*("" if one is None else f"{one:.1f}" if isinstance(one, float) else str(one) for one in values))
    console.print(table)


class PullProgress:
    """Messages, and a progress bar for the file that is being downloaded."""

    def __init__(self, console: Console) -> None:
        columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
        self._bars = Bars(*columns, console=console, transient=True)
        self._file, self._task = "", TaskID(0)

    def __enter__(self) -> "PullProgress":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def message(self, text: str) -> None:
        self._bars.console.print(text)

    def received(self, file: str, done: int, total: int | None) -> None:
        if file != self._file:
            self._bars.console.print(f"downloading {file}")
            self._file, self._task = file, self._bars.add_task(file, total=total)
        self._bars.update(self._task, completed=done, total=total)
