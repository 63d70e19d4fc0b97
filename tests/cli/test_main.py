"""The command line: wrong input is one clear line and an exit status, and nothing is started for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.home import Home
from cli.main import app, models_dir
from cli.temporary import free_port

runner = CliRunner()


def generate(*arguments: str, data: Path) -> Result:
    return runner.invoke(app, ["generate", *arguments, "--data-dir", str(data)])


WRONG = {
    "empty prompt": ([""], "prompt"),
    "odd width": (["a", "--width", "511"], "width"),
    "zero steps": (["a", "--steps", "0"], "num_inference_steps"),
    "endless": (["a", "--seconds", "inf"], "duration_seconds"),
    "control character": (["a\x07"], "prompt"),
    "absurd": (["a", "--width", "2048", "--height", "2048", "--fps", "60", "--seconds", "20"], "frames"),
    "scheduler": (["a", "--scheduler", "magic"], "scheduler"),
    "folder": (["a", "-o", "/no/such/folder/video.mp4"], "no such folder"),
    "a folder": (["a", "-o", "/tmp"], "not a file"),
    "not writable": (["a", "-o", "/proc/video.mp4"], "/proc/video.mp4"),
    "long name": (["a", "-o", "x" * 300], "name too long"),
    "looks like markup": (["a", "-o", "/no/[/x]/[bold]/:cat:/video.mp4"], "/no/[/x]/[bold]/:cat:/video.mp4"),
    "pattern": (["a", "--model", "A B"], "[a-z0-9]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    arguments, word = WRONG[case]
    result = generate(*arguments, data=tmp_path / "data")
    assert result.exit_code == 2
    assert word in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_what_is_there_and_no_file_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    result = generate("a", "-o", str(pipe), data=tmp_path / "data")
    assert (result.exit_code, "not a file" in result.stderr) == (2, True)
    assert pipe.is_fifo()


def test_a_gateway_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_EMAIL", "a@b")
    monkeypatch.setenv("AURA_PASSWORD", "a long password")
    result = generate("a", "--api", f"http://127.0.0.1:{free_port()}", "-o", str(tmp_path / "v.mp4"), data=tmp_path)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", [["generate", "a"], ["up"], ["models", "pull", "realesrgan-x4plus"]])
def test_a_data_folder_that_cannot_be_is_said_in_one_line(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = runner.invoke(app, [*command, "--data-dir", str(tmp_path / "file" / "data")])
    assert result.exit_code == 1
    assert result.stderr.startswith("aura: ")
    assert result.stderr.count("\n") == 1


def test_a_folder_that_is_taken_has_a_status_of_its_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.lock():
        result = runner.invoke(app, ["up", "--data-dir", str(tmp_path)])
    assert (result.exit_code, "already runs" in result.stderr) == (75, True)


UNUSABLE = {
    "nobody there": ("postgresql://a:b@127.0.0.1:1/aura", "Connect call failed"),
    "malformed": ("mysql://somewhere", "DATABASE_URL must look like"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_database_that_cannot_be_used_is_said_in_one_line(case: str, tmp_path: Path) -> None:
    url, words = UNUSABLE[case]
    command = [sys.executable, "-m", "cli.main", "up", "--data-dir", str(tmp_path), "--port", str(free_port())]
    environment = os.environ | {"DATABASE_URL": url}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("aura: the database cannot be used: ")
    assert words in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_models_lie_where_the_pipeline_looks_for_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODELS_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    assert models_dir(Path("data")) == Path("data/models")
    (tmp_path / ".env").write_text("MODELS_DIR=/srv/models\n")
    assert models_dir(Path("data")) == Path("/srv/models")
    monkeypatch.setenv("MODELS_DIR", "/elsewhere")
    assert models_dir(Path("data")) == Path("/elsewhere")


def test_the_format_follows_the_name_of_the_file() -> None:
    from cli.main import Format, guess_format

    assert guess_format(Path("a.webm")) is Format.WEBM
    assert guess_format(Path("a.GIF")) is Format.GIF
    assert guess_format(Path("a.mov")) is Format.MP4
