"""The checks of the services, with services that do not answer; and the command."""

import socket
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.doctor import command, services
from cli.doctor.finding import Finding, ok, problem
from cli.main import app
from db.embedded import Postgres
from db.ports import free_port

runner = CliRunner()
NAMES = ("DATABASE_URL", "STORAGE_DIR", "STORAGE_SIGNING_KEY", "S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY",
         "RAY_ADDRESS", "MODELS_DIR", "DEVICE", "LEASE_SECONDS", "BEAT_SECONDS")  # fmt: skip


@pytest.fixture(autouse=True)
def no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def verdict(finding: Finding) -> tuple[str, str]:
    return finding.verdict.value, finding.line()


def test_the_port(tmp_path: Path) -> None:
    assert services.check_port(tmp_path, "127.0.0.1", free_port()).verdict == "ok"
    with socket.create_server(("127.0.0.1", 0)) as used:
        finding = services.check_port(tmp_path, "127.0.0.1", used.getsockname()[1])
    assert finding.verdict == "problem"
    assert finding.advice == "choose another one with --port or --host"


def test_the_embedded_database_is_tried_as_the_user_that_runs_it() -> None:
    assert verdict(services.check_database())[0] == "ok"
    assert "PostgreSQL" in services.check_database().found


def test_a_database_without_the_newest_tables(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url)
    assert services.check_database().verdict == "ok"
    monkeypatch.setattr("db.migrate._newest_revisions", lambda: frozenset({"9999"}))
    assert services.check_database().verdict == "warning"


UNUSABLE = {
    "unreachable": ("postgresql://a:b@127.0.0.1:1/aura", "Connect call failed"),
    "malformed": ("mysql://somewhere", "must look like postgresql://"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_an_unusable_database(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url, words = UNUSABLE[case]
    monkeypatch.setenv("DATABASE_URL", url)
    finding = services.check_database()
    assert (finding.verdict, words in finding.found) == ("problem", True), finding
    assert services.check_clock().verdict == "ok", "only the database row reports the database"


def test_a_database_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("DATABASE_URL", f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d")
        assert services.check_database().verdict == "problem"


def test_the_object_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert services.check_object_store(tmp_path / "data").verdict == "ok"
    monkeypatch.setenv("STORAGE_DIR", "/proc/objects")
    assert services.check_object_store(tmp_path).verdict == "problem"
    monkeypatch.setenv("S3_ENDPOINT", "http://127.0.0.1:1")
    assert "either STORAGE_DIR or S3_ENDPOINT" in services.check_object_store(tmp_path).found
    monkeypatch.delenv("STORAGE_DIR")
    assert "S3_ACCESS_KEY" in services.check_object_store(tmp_path).found
    for name in ("S3_ACCESS_KEY", "S3_SECRET_KEY"):
        monkeypatch.setenv(name, "secret-value")
    monkeypatch.setattr(services, "ANSWER_SECONDS", 2)
    finding = services.check_object_store(tmp_path)
    assert (finding.verdict, "secret-value" in finding.line()) == ("problem", False), finding


def test_ray() -> None:
    assert services.check_ray("").verdict == "ok"
    assert services.check_ray(f"127.0.0.1:{free_port()}").verdict == "problem"
    assert services.check_ray("nonsense").verdict == "problem"
    with socket.create_server(("127.0.0.1", 0)) as head:
        assert services.check_ray(f"127.0.0.1:{head.getsockname()[1]}").verdict == "ok"


def test_the_shipped_models_are_found(tmp_path: Path) -> None:
    assert "tiny" in services.check_models(tmp_path).found


def test_an_invalid_setting_is_named_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    assert services.check_settings().verdict == "ok"
    monkeypatch.setenv("LEASE_SECONDS", "some-secret")
    finding = services.check_settings()
    assert (finding.verdict, "LEASE_SECONDS" in finding.found) == ("problem", True)
    assert "some-secret" not in finding.line()


def test_a_clock_that_differs_from_that_of_the_database(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url)
    assert services.check_clock().verdict == "ok"
    now = time.time()
    monkeypatch.setattr(services.time, "time", lambda: now + 3600)
    assert services.check_clock().verdict == "warning"
    monkeypatch.setattr(services, "RELEASED", now + 7200)
    assert services.check_clock().verdict == "problem"


def test_the_table_has_a_row_for_each_check_and_the_status_says_whether_there_is_a_problem(tmp_path: Path) -> None:
    result = runner.invoke(app, ["doctor", "--data-dir", str(tmp_path), "--port", str(free_port())])
    assert result.exit_code == 0, result.stdout
    for name in ("Python", "disk", "memory", "shared memory", "open files", "GPU", "Node", "settings", "port",
                 "database", "object store", "Ray", "models", "clock"):  # fmt: skip
        assert f"\n{name} " in result.stdout
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = str(used.getsockname()[1])
        result = runner.invoke(app, ["doctor", "--data-dir", str(tmp_path), "--port", port])
    assert (result.exit_code, "choose another" in result.stdout) == (1, True)


def test_the_doctor_changes_nothing(tmp_path: Path) -> None:
    runner.invoke(app, ["doctor", "--data-dir", str(tmp_path / "data"), "--port", str(free_port())])
    assert list(tmp_path.iterdir()) == []


def test_aura_up_prints_the_problems_when_it_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [ok("Python", "3"), problem("GPU", "[no] driver", "install it")]
    monkeypatch.setattr(command, "examine", lambda *_: iter(findings))
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = str(used.getsockname()[1])
        result = runner.invoke(app, ["up", "--no-web", "--data-dir", str(tmp_path), "--port", port])
    assert result.exit_code == 1
    assert "GPU: [no] driver: install it\n" in result.stdout
    assert "Python" not in result.stdout
    assert "Address already in use" in result.stderr


def test_a_machine_that_cannot_run_it_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = [problem("disk", "full", "free some"), problem("shared memory", "none", "add some")]
    monkeypatch.setattr("cli.doctor.machine.blocking", lambda _: problems)
    result = runner.invoke(app, ["up", "--data-dir", str(tmp_path / "data")])
    assert (result.exit_code, result.stderr) == (1, "aura: disk: full: free some; shared memory: none: add some\n")
    assert not (tmp_path / "data").exists()
