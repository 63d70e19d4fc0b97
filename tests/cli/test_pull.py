"""Fetching the files of a model, from a server of this test's own."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.pull import CannotPull, pull
from pipeline.models.registry import INTERPOLATORS, MODELS, UPSCALERS, Weights


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "RealESRGAN_x4plus.pth").write_bytes(b"weights")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "site"))) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def upscaler(source: str) -> Weights:
    return replace(UPSCALERS["realesrgan-x4plus"], source=source)


def test_a_file_is_fetched_once_and_found_where_the_loader_looks(server: str, tmp_path: Path) -> None:
    said: list[str] = []
    weights = upscaler(f"{server}/RealESRGAN_x4plus.pth")
    for _ in range(2):
        folder = pull(weights, tmp_path / "models", said.append)
    assert (folder / "RealESRGAN_x4plus.pth").read_bytes() == b"weights"
    assert weights.path(tmp_path / "models").exists()
    assert len([line for line in said if line.startswith("fetching")]) == 1


def test_a_file_that_is_not_there_leaves_nothing(server: str, tmp_path: Path) -> None:
    with pytest.raises(CannotPull, match="404"):
        pull(upscaler(f"{server}/other/RealESRGAN_x4plus.pth"), tmp_path / "models", print)
    assert [path for path in (tmp_path / "models").rglob("*") if path.is_file()] == []


def test_a_generator_is_its_base_and_its_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub itself cannot be had here: what is asked of it is what can be seen."""
    asked: list[str] = []

    def snapshot(source: str, *, local_dir: Path, **more: Any) -> None:
        asked.append(source)
        assert not any(pattern.endswith((".bin", ".ckpt")) for pattern in more["allow_patterns"])
        local_dir.mkdir(parents=True)
        for name in ("model_index.json", "config.json", "diffusion_pytorch_model.safetensors"):
            (local_dir / name).write_text("{}")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    model = MODELS["animatediff"]
    assert pull(model, tmp_path, print) == tmp_path / "animatediff"
    assert asked == [model.source, model.adapter_source]


def test_what_has_no_address_of_its_own_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotPull, match="put it into"):
        pull(INTERPOLATORS["film-tf"], tmp_path, print)


def test_an_unknown_name_is_answered_with_those_that_are_known(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "pull", "nonsense", "--data-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert "animatediff" in result.stderr
