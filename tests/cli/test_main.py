"""The command line: wrong input is one clear line and an exit status, and nothing is started for it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from cli.up import NotStarted, require_free_port
from tests.e2e.conftest import free_port

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
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_refused_in_one_line(case: str, tmp_path: Path) -> None:
    arguments, word = WRONG[case]
    result = generate(*arguments, data=tmp_path / "data")
    assert result.exit_code == 2
    assert word in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_a_gateway_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURA_EMAIL", "a@b")
    monkeypatch.setenv("AURA_PASSWORD", "a long password")
    result = generate("a", "--api", f"http://127.0.0.1:{free_port()}", "-o", str(tmp_path / "v.mp4"), data=tmp_path)
    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_said_before_anything_starts() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(NotStarted, match="choose another with --port"):
            require_free_port("127.0.0.1", taken.getsockname()[1])


def test_the_format_follows_the_name_of_the_file() -> None:
    from cli.main import Format, guess_format

    assert guess_format(Path("a.webm")) is Format.WEBM
    assert guess_format(Path("a.GIF")) is Format.GIF
    assert guess_format(Path("a.mov")) is Format.MP4
