"""`aura generate`, `list`, `get`, `cancel` and `finish` with the key of `aura login`."""

import json
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from pipeline.encoders.video import probe
from tests.cli.conftest import EMAIL, PASSWORD, SMALL, Aura, Remote

SIZE = ["--width", "64", "--height", "64", "--fps", "8", "--seconds", "1"]


def test_a_video_is_made_listed_fetched_and_finished_on_the_remote_gateway(signed_in: Aura, home: Path) -> None:
    made = signed_in("generate", "a green cube", *SIZE, "--seed", "3", "--remote", "--json", "-o", "cube.mp4")
    assert made.exit_code == 0, made.output
    outcome = json.loads(made.stdout)
    assert (outcome["frames"], outcome["resolved"]["seed"]) == (8, 3)
    assert probe(home / "cube.mp4").frames == 8

    listed = json.loads(signed_in("list", "green", "--remote", "--json").stdout)
    (video,) = listed["data"]
    assert video["job_id"] == outcome["job_id"]
    table = signed_in("list", "green", "--remote")
    assert video["id"] in table.stdout
    assert "a green cube" in table.stdout
    jobs = json.loads(signed_in("list", "--jobs", "--remote", "--json").stdout)
    assert outcome["job_id"] in [job["job_id"] for job in jobs["data"]]

    for id_ in (video["id"], outcome["job_id"]):
        got = signed_in("get", id_, "--remote", "--json")
        assert got.exit_code == 0, got.output
        assert json.loads(got.stdout)["path"] == f"{id_}.mp4"
        assert (home / f"{id_}.mp4").read_bytes() == (home / "cube.mp4").read_bytes()

    assert signed_in("finish", video["id"], "--fps", "7", "--remote").exit_code == 2
    finished = signed_in("finish", video["id"], "--fps", "16", "-o", "smooth.webm", "--remote", "--json")
    assert finished.exit_code == 0, finished.output
    assert json.loads(finished.stdout)["resolved"]["reused_base"]
    assert probe(home / "smooth.webm").frames == 16


def test_a_page_of_a_list_names_the_next_one(signed_in: Aura, remote: Remote) -> None:
    for seed in (1, 2):
        remote.make_video(prompt="a yellow ring", seed=seed)
    first = signed_in("list", "yellow", "--limit", "1", "--remote")
    assert "more: --after " in first.stdout
    after = first.stdout.split("more: --after ")[1].strip()
    second = json.loads(signed_in("list", "yellow", "--after", after, "--remote", "--json").stdout)
    assert [video["resolved"]["seed"] for video in second["data"]] == [1]


def test_a_job_is_canceled(signed_in: Aura, remote: Remote) -> None:
    job_id = remote.client.generate(SMALL | {"prompt": "a long one, generate sleep 60"})
    early = signed_in("get", job_id, "--remote")
    assert (early.exit_code, "use --wait" in early.stderr) == (1, True)
    result = signed_in("cancel", job_id, "--remote", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["status"] in ("canceled", "canceling")
    ended = signed_in("get", job_id, "--wait", "--remote")
    assert (ended.exit_code, "the job was canceled" in ended.stderr) == (1, True)


def test_an_interrupted_command_cancels_its_job(signed_in: Aura, remote: Remote) -> None:
    command = [sys.executable, "-m", "cli.main", "generate", "a slow one, generate sleep 60", *SIZE, "--remote"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (running := remote.client.list_jobs(status="running").data):
        assert time.monotonic() < deadline, process.poll()
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "aura: interrupted" in errors) == (130, True), errors
    assert remote.client.status(running[0].job_id).status == "canceled"


def test_a_failed_job_is_an_error_with_its_message(signed_in: Aura) -> None:
    result = signed_in("generate", "odd, generate refuse", *SIZE, "--remote", "-o", "odd.mp4")
    assert (result.exit_code, "refused as the prompt instructs" in result.stderr) == (1, True)
    assert not Path("odd.mp4").exists()


STATUSES = {
    "unknown id": (["get", str(uuid.uuid4())], 4),
    "unknown video": (["finish", str(uuid.uuid4()), "--fps", "8"], 4),
    "no id": (["get", "nonsense"], 4),
    "unknown job": (["cancel", str(uuid.uuid4())], 4),
    "unknown model": (["generate", "a", "--model", "nonsense"], 2),
    "options that exclude each other": (["list", "words", "--jobs"], 2),
}


@pytest.mark.parametrize("case", STATUSES)
def test_each_error_is_one_line_and_the_documented_status(case: str, signed_in: Aura) -> None:
    arguments, status = STATUSES[case]
    result = signed_in(*arguments, "--remote")
    assert result.exit_code == status, result.output
    assert result.stderr.startswith("aura: ")
    assert result.stderr.count("\n") == 1


def test_without_a_key_the_error_names_the_commands(aura: Aura, remote: Remote) -> None:
    for arguments in (["--remote"], ["--api", remote.url]):
        result = aura("list", *arguments)
        assert (result.exit_code, "aura login" in result.stderr) == (3, True)


def test_a_revoked_key_has_the_status_of_a_missing_one(
    aura: Aura, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = remote.client.create_key("short", ["videos:read"])
    monkeypatch.setenv("AURA_API_URL", remote.url)
    monkeypatch.setenv("AURA_API_KEY", key.key)
    assert aura("list").exit_code == 0
    forbidden = aura("list", "--jobs")
    assert (forbidden.exit_code, "jobs:read" in forbidden.stderr) == (3, True)
    remote.client.revoke_key(key.id)
    assert aura("list").exit_code == 3


def test_a_password_in_the_environment_signs_in_too(
    aura: Aura, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AURA_EMAIL", EMAIL)
    monkeypatch.setenv("AURA_PASSWORD", PASSWORD)
    assert aura("list", "--api", remote.url).exit_code == 0


def test_the_shell_completes_commands(aura: Aura, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AURA_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "aura lo")
    monkeypatch.setenv("COMP_CWORD", "1")
    from typer.testing import CliRunner

    from cli.main import app

    result = CliRunner().invoke(app, [], prog_name="aura")
    assert result.stdout.split() == ["login", "logout"]
