"""The command line: each error is one line and an exit status, and invalid input starts nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from cli.generate_command import guess_format, parse_frame
from cli.main import app
from cli.model_commands import models_dir
from cli.system.data_dir import DataDir
from db.embedded import free_port
from pipeline.contract.spec import Format

runner = CliRunner()
COMMAND = get_command(app)


def generate(*arguments: str, data: Path) -> Result:
    return runner.invoke(app, ["generate", *arguments, "--data-dir", str(data)])


INVALID = {
    "empty prompt": ([""], "prompt"),
    "odd width": (["a", "--width", "511"], "width"),
    "zero steps": (["a", "--steps", "0"], "num_inference_steps"),
    "infinite duration": (["a", "--seconds", "inf"], "duration_seconds"),
    "control character": (["a\x07"], "prompt"),
    "too many frames": (["a", "--width", "2048", "--height", "2048", "--fps", "60", "--seconds", "20"], "frames"),
    "unknown scheduler": (["a", "--scheduler", "magic"], "scheduler"),
    "missing folder": (["a", "-o", "/no/such/folder/video.mp4"], "no such folder"),
    "folder": (["a", "-o", "/tmp"], "not a file"),
    "not writable": (["a", "-o", "/proc/video.mp4"], "/proc/video.mp4"),
    "long name": (["a", "-o", "x" * 300], "name too long"),
    "markup": (["a", "-o", "/no/[/x]/[bold]/:cat:/video.mp4"], "/no/[/x]/[bold]/:cat:/video.mp4"),
    "model name": (["a", "--model", "A B"], "[a-z0-9]"),
    "video of the first frame": (["a", "--image-from", "1"], "image_from.video_id"),
    "time of the first frame": (["a", "--image-from", "0" * 32 + "@x"], "not a number of seconds"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_input_is_one_line_of_error(case: str, tmp_path: Path) -> None:
    arguments, word = INVALID[case]
    result = generate(*arguments, data=tmp_path / "data")
    assert result.exit_code == 2
    assert word in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_an_output_path_that_is_not_a_regular_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = generate("a", "-o", str(pipe), data=tmp_path / "data")
    assert (result.exit_code, "not a file" in result.stderr) == (2, True)
    assert pipe.is_fifo()


def test_an_unreachable_gateway_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_EMAIL", "a@b")
    monkeypatch.setenv("AURA_PASSWORD", "a long password")
    result = generate("a", "--api", f"http://127.0.0.1:{free_port()}", "-o", str(tmp_path / "v.mp4"), data=tmp_path)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["generate", "a"], ["up"], ["models", "pull", "realesrgan-x4plus"]])
def test_a_data_directory_that_cannot_be_created_is_one_line_of_error(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = runner.invoke(app, [*command, "--data-dir", str(tmp_path / "file" / "data")])
    assert result.exit_code == 1
    assert result.stderr.startswith("aura: ")
    assert result.stderr.count("\n") == 1


def test_a_locked_data_directory_has_its_own_exit_status(tmp_path: Path) -> None:
    with DataDir(tmp_path).lock():
        result = runner.invoke(app, ["up", "--data-dir", str(tmp_path)])
    assert (result.exit_code, "already running" in result.stderr) == (75, True)


UNUSABLE_DATABASES = {
    "unreachable": ("postgresql://a:b@127.0.0.1:1/aura", "Connect call failed"),
    "malformed": ("mysql://somewhere", "DATABASE_URL must look like"),
}


@pytest.mark.parametrize("case", UNUSABLE_DATABASES)
def test_an_unusable_database_is_one_line_of_error(case: str, tmp_path: Path) -> None:
    url, words = UNUSABLE_DATABASES[case]
    command = [sys.executable, "-m", "cli.main", "up", "--data-dir", str(tmp_path), "--port", str(free_port())]
    environment = os.environ | {"DATABASE_URL": url}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("aura: the database cannot be used: ")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


# Servers have no result.
WITHOUT_JSON = {"up", "mcp"}


def commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def test_every_command_can_print_its_result_as_json() -> None:
    options = {name: {text for one in command.params for text in one.opts} for name, command in commands(COMMAND)}
    assert {name for name, known in options.items() if "--json" not in known} == WITHOUT_JSON
    assert {"list", "get", "cancel", "finish", "login", "logout", "generate", "reproduce"} <= options.keys()


@pytest.mark.parametrize(
    ("command", "part"),
    [
        (["models", "styles"], {"name": "night", "title": "Night", "tiny": True}),
        (["models", "words"], "colours"),
        (["models", "path", "tiny"], "path"),
        (["models", "verify", "tiny"], "problems"),
        (["models", "list"], None),
    ],
)
def test_commands_of_models_print_json(command: list[str], part: object, tmp_path: Path) -> None:
    options = [] if command[-1] in ("styles", "words") else ["--data-dir", str(tmp_path)]
    result = runner.invoke(app, [*command, "--json", *options])
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert part is None or part in printed


def test_the_models_directory_is_the_one_of_the_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELS_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert models_dir(Path("data")) == Path("data/models")
    (tmp_path / ".env").write_text("MODELS_DIR=/srv/models\n")
    assert models_dir(Path("data")) == Path("/srv/models")
    monkeypatch.setenv("MODELS_DIR", "/elsewhere")
    assert models_dir(Path("data")) == Path("/elsewhere")


def test_the_format_follows_the_extension_of_the_file() -> None:
    assert guess_format(Path("a.webm")) is Format.WEBM
    assert guess_format(Path("a.GIF")) is Format.GIF
    assert guess_format(Path("a.mov")) is Format.MP4


def test_a_frame_of_a_video_is_named_by_its_id_and_its_time() -> None:
    video_id = "0199c0de-0000-7000-8000-000000000001"
    assert parse_frame(f"{video_id}@1.5") == {"video_id": video_id, "at": 1.5}
    assert parse_frame(video_id) == {"video_id": video_id, "at": 0.0}
