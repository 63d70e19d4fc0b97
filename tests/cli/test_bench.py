"""`aura bench`: rows are chosen by name, and `--check` turns a missed goal into an exit status."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import bench
from cli.console import EXIT_INVALID_INPUT
from cli.main import app
from tests.bench import database, film, leak
from tests.bench.result import Goal, Result

runner = CliRunner()


def test_an_unknown_row_is_invalid_input() -> None:
    outcome = runner.invoke(app, ["bench", "--row", "speed"])
    assert outcome.exit_code == EXIT_INVALID_INPUT
    assert "crowd" in outcome.output


def test_without_a_checkout_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bench, "_REPOSITORY", tmp_path)
    outcome = runner.invoke(app, ["bench", "--row", "leak"])
    assert outcome.exit_code == 1
    assert "checkout" in outcome.output


@pytest.mark.parametrize(("met", "status"), [(True, 0), (False, 1)])
def test_check_fails_if_a_goal_is_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, met: bool, status: int
) -> None:
    results: list[dict[str, Any]] = [{"row": "leak", "what": "pages", "met": met}]
    monkeypatch.setattr(bench, "run", lambda *_, **__: results)
    file = tmp_path / "results.json"
    assert runner.invoke(app, ["bench", "--check", "--json", str(file)]).exit_code == status
    assert json.loads(file.read_text()) == results
    assert runner.invoke(app, ["bench"]).exit_code == 0


def test_a_row_that_fails_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def fail(*_: object, **__: object) -> list[Result]:
        raise RuntimeError("no replica")

    async def succeed(*_: object, **__: object) -> list[Result]:
        return [Result("film", "calls", 1, 1, Goal(1, "at most"))]

    monkeypatch.setattr(database, "server", contextlib.nullcontext)
    monkeypatch.setattr(leak, "measure", fail)
    monkeypatch.setattr(film, "measure", succeed)
    file = tmp_path / "results.json"
    outcome = runner.invoke(app, ["bench", "--row", "leak", "--row", "film", "--json", str(file)])
    assert outcome.exit_code == 1
    assert "rows failed: leak" in outcome.stderr
    assert [result["row"] for result in json.loads(file.read_text())] == ["film", "leak"]


@pytest.mark.slow
def test_a_row_is_measured() -> None:
    outcome = runner.invoke(app, ["bench", "--quick", "--row", "leak"])
    assert outcome.exit_code == 0, outcome.output
    assert "| leak | rows left of purged jobs and videos" in outcome.output


def test_the_simulation_takes_times_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "times.json"
    file.write_text('{"generate": 60, "interpolate": 0, "upscale": 0, "encode": 0, "assemble": 0, "spans": 1}')
    result = runner.invoke(app, ["bench", "simulate", "--users", "10000", "--times", str(file), "--json"])
    (answer,) = json.loads(result.stdout)
    assert answer["fleet"]["replicas"]["generate"] == 149  # 10,000 users, 5 clips a day, a peak of 3, 70 % busy
    file.write_text('{"diffusion": 60}')
    refused = runner.invoke(app, ["bench", "simulate", "--times", str(file)])
    assert refused.exit_code == 2
    assert "diffusion" in refused.stderr
