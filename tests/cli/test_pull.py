"""Downloading the files of a model from a local server."""

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
from cli.pull import PullFailed, pull
from pipeline.contract.catalog import INTERPOLATORS, MODELS, UPSCALERS, Weights
from pipeline.models.weights import find_file


class SilentHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "RealESRGAN_x4plus.pth").write_bytes(b"weights")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=str(tmp_path / "site"))) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def upscaler(source: str) -> Weights:
    return replace(UPSCALERS["realesrgan-x4plus"], source=source)


def test_a_file_is_downloaded_once_to_where_the_loader_finds_it(server: str, tmp_path: Path) -> None:
    messages: list[str] = []
    weights = upscaler(f"{server}/RealESRGAN_x4plus.pth")
    for _ in range(2):
        folder = pull(weights, tmp_path / "models", messages.append)
    assert (folder / "RealESRGAN_x4plus.pth").read_bytes() == b"weights"
    assert find_file(weights, tmp_path / "models").exists()
    assert len([line for line in messages if line.startswith("downloading")]) == 1


def test_a_failed_download_leaves_no_file(server: str, tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match="404"):
        pull(upscaler(f"{server}/other/RealESRGAN_x4plus.pth"), tmp_path / "models", print)
    assert [path for path in (tmp_path / "models").rglob("*") if path.is_file()] == []


def test_a_generator_consists_of_its_base_and_its_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub cannot be reached from a test, so the calls to its client are checked."""
    sources: list[str] = []

    def snapshot_download(source: str, *, local_dir: Path, **options: Any) -> None:
        sources.append(source)
        assert not any(pattern.endswith((".bin", ".ckpt")) for pattern in options["allow_patterns"])
        local_dir.mkdir(parents=True)
        for name in ("model_index.json", "config.json", "diffusion_pytorch_model.safetensors"):
            (local_dir / name).write_text("{}")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    model = MODELS["animatediff"]
    assert pull(model, tmp_path, print) == tmp_path / "animatediff"
    assert sources == [model.source, model.adapter_source]


def test_a_model_that_must_be_downloaded_by_hand_is_an_error_with_instructions(tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match="put it into"):
        pull(INTERPOLATORS["film-tf"], tmp_path, print)


def test_an_unknown_model_is_an_error_with_the_known_names(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["models", "pull", "nonsense", "--data-dir", str(tmp_path)])
    assert result.exit_code == 2
    assert "animatediff" in result.stderr
