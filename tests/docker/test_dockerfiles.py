"""The images: what goes in, who runs it, and that the gateway carries neither torch nor ray."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docker.conftest import ROOT

DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
HEAVY = {"torch", "ray", "tensorflow", "numpy", "diffusers", "transformers", "av"}


def instructions(path: Path) -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in lines]


def arguments(path: Path, instruction: str) -> list[str]:
    return [rest for name, rest in instructions(path) if name == instruction]


def copied(path: Path) -> list[str]:
    """What a Dockerfile takes from the repository."""
    return [source for rest in arguments(path, "COPY") if "--from" not in rest for source in rest.split()[:-1]]


def wanted(extra: str) -> list[Requirement]:
    """What an image asks pip for, said by the program that it runs."""
    run = subprocess.run(
        [sys.executable, "docker/dependencies.py", extra], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [Requirement(line) for line in run.stdout.splitlines()]


def closure(extra: str) -> set[str]:
    """All distributions that an extra installs, as the ones installed here name each other."""
    todo = wanted(extra)
    seen: set[tuple[str, str]] = set()
    while todo:
        next_ = todo.pop()
        for chosen in {"", *next_.extras}:
            key = (str(canonicalize_name(next_.name)), chosen)
            if key not in seen:
                seen.add(key)
                needed = [Requirement(line) for line in requires(next_.name) or []]
                todo += [need for need in needed if need.marker is None or need.marker.evaluate({"extra": chosen})]
    return {name for name, _ in seen}


def test_there_are_two() -> None:
    assert [path.name for path in DOCKERFILES] == ["gateway.Dockerfile", "pipeline.Dockerfile"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
class TestEach:
    def test_the_base_image_can_be_chosen(self, path: Path) -> None:
        assert instructions(path)[0] == ("ARG", "BASE_IMAGE=python:3.11-slim-bookworm")
        assert {rest.split()[0] for rest in arguments(path, "FROM")} == {"${BASE_IMAGE}"}

    def test_it_does_not_run_as_root(self, path: Path) -> None:
        assert arguments(path, "USER") == ["10001:10001"]
        assert [name for name, _ in instructions(path)].index("USER") > max(
            number for number, (name, _) in enumerate(instructions(path)) if name in ("RUN", "COPY")
        )

    def test_signals_reach_the_program(self, path: Path) -> None:
        assert json.loads(arguments(path, "ENTRYPOINT")[0]) == ["python", "-m"]
        assert json.loads(arguments(path, "CMD")[0])

    def test_it_says_how_it_is(self, path: Path) -> None:
        (check,) = arguments(path, "HEALTHCHECK")
        assert json.loads(check.partition("CMD ")[2])
        assert any("PYTHONUNBUFFERED=1" in rest for rest in arguments(path, "ENV"))

    def test_no_secret_enters_a_layer(self, path: Path) -> None:
        kept = [rest for name in ("ARG", "ENV", "LABEL") for rest in arguments(path, name)]
        assert not [rest for rest in kept if re.search("SECRET|PASSWORD|TOKEN|_KEY|INDEX_URL", rest)]

    def test_dependencies_are_pinned_and_come_before_our_code(self, path: Path) -> None:
        (install,) = (number for number, (_, rest) in enumerate(instructions(path)) if "pip install" in rest)
        assert "-c requirements.txt -r wanted.txt" in instructions(path)[install][1]
        before = " ".join(rest for name, rest in instructions(path)[:install] if name == "COPY")
        assert before == "pyproject.toml requirements.txt docker/dependencies.py ./"

    def test_what_it_copies_exists_and_is_let_through(self, path: Path) -> None:
        let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        for source in copied(path):
            assert (ROOT / source).exists(), source
            assert source in let_through or source.partition("/")[0] in let_through, source


def test_nothing_else_is_let_through() -> None:
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert let_through == ["pyproject.toml", "requirements.txt", "docker/dependencies.py", "api", "db", "migrations",
                           "pipeline"]  # fmt: skip
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_the_gateway_installs_nothing_heavy() -> None:
    assert closure("api") & HEAVY == set()
    assert {"torch", "ray", "diffusers", "av"} <= closure("pipeline")


@pytest.mark.parametrize("extra", ["api", "pipeline"])
def test_every_version_is_pinned(extra: str) -> None:
    pinned = {canonicalize_name(line.partition("==")[0]) for line in (ROOT / "requirements.txt").read_text().split()}
    assert closure(extra) - pinned == set()


def test_the_gateway_runs_on_what_its_image_holds(tmp_path: Path) -> None:
    for source in copied(ROOT / "docker/gateway.Dockerfile"):
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).symlink_to(ROOT / source)
    program = (
        "import sys, api.app, db.migrate; from alembic.script import ScriptDirectory; "
        "ScriptDirectory.from_config(db.migrate.config('postgresql://user@host/name')).get_heads(); "
        "print(*(f'{name}={found.__file__}' for name, found in sys.modules.items() if hasattr(found, '__file__')))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PATH": os.defpath},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    modules = dict(line.split("=", 1) for line in run.stdout.split())
    assert modules.keys() & HEAVY == set()
    ours = {name: file for name, file in modules.items() if name.split(".")[0] in ("api", "cli", "db", "pipeline")}
    assert {"api.app", "db.migrate", "pipeline.spec"} <= ours.keys()
    assert [name for name, file in ours.items() if not file.startswith(str(tmp_path))] == []


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_what_an_image_starts_is_a_module_of_ours(path: Path) -> None:
    """The entry point is `python -m`: the command begins with the module, not with python."""
    said = {name: value for name, value in instructions(path) if name in ("ENTRYPOINT", "CMD")}
    assert json.loads(said["ENTRYPOINT"]) == ["python", "-m"]
    assert importlib.util.find_spec(json.loads(said["CMD"])[0]) is not None
