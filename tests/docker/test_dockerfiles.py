"""The Dockerfiles: the copied files, the user, the pinned dependencies, and a gateway without torch and ray."""

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
    """The paths that a Dockerfile copies from the repository."""
    return [source for rest in arguments(path, "COPY") if "--from" not in rest for source in rest.split()[:-1]]


def requirements(extras: str) -> list[Requirement]:
    """The requirements that an image installs, printed by the program it runs."""
    run = subprocess.run(
        [sys.executable, "docker/dependencies.py", *extras.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [Requirement(line) for line in run.stdout.splitlines()]


def closure(extras: str) -> set[str]:
    """All distributions that extras install, by the metadata of the distributions in this environment."""
    todo = requirements(extras)
    seen: set[tuple[str, str]] = set()
    while todo:
        current = todo.pop()
        for chosen in {"", *current.extras}:
            key = (str(canonicalize_name(current.name)), chosen)
            if key not in seen:
                seen.add(key)
                needed = [Requirement(line) for line in requires(current.name) or []]
                todo += [need for need in needed if need.marker is None or need.marker.evaluate({"extra": chosen})]
    return {name for name, _ in seen}


def test_there_are_two_dockerfiles() -> None:
    assert [path.name for path in DOCKERFILES] == ["gateway.Dockerfile", "pipeline.Dockerfile"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
class TestEach:
    def test_the_base_image_is_a_build_argument(self, path: Path) -> None:
        assert instructions(path)[0] == ("ARG", "BASE_IMAGE=python:3.11-slim-bookworm")
        assert {rest.split()[0] for rest in arguments(path, "FROM")} == {"${BASE_IMAGE}"}

    def test_it_does_not_run_as_root(self, path: Path) -> None:
        assert arguments(path, "USER") == ["10001:10001"]
        assert [name for name, _ in instructions(path)].index("USER") > max(
            number for number, (name, _) in enumerate(instructions(path)) if name in ("RUN", "COPY")
        )

    def test_the_program_receives_signals(self, path: Path) -> None:
        assert json.loads(arguments(path, "ENTRYPOINT")[0]) == ["python", "-m"]
        assert json.loads(arguments(path, "CMD")[0])

    def test_it_has_a_health_check(self, path: Path) -> None:
        (check,) = arguments(path, "HEALTHCHECK")
        assert json.loads(check.partition("CMD ")[2])
        assert any("PYTHONUNBUFFERED=1" in rest for rest in arguments(path, "ENV"))

    def test_no_secret_is_stored_in_a_layer(self, path: Path) -> None:
        values = [rest for name in ("ARG", "ENV", "LABEL") for rest in arguments(path, name)]
        assert not [rest for rest in values if re.search("SECRET|PASSWORD|TOKEN|_KEY|INDEX_URL", rest)]

    def test_pinned_dependencies_are_installed_before_the_code_is_copied(self, path: Path) -> None:
        (install,) = (number for number, (_, rest) in enumerate(instructions(path)) if "pip install" in rest)
        assert "-c requirements.txt -r wanted.txt" in instructions(path)[install][1]
        before = " ".join(rest for name, rest in instructions(path)[:install] if name == "COPY")
        assert before == "pyproject.toml requirements.txt docker/dependencies.py ./"

    def test_copied_paths_exist_and_are_not_ignored(self, path: Path) -> None:
        included = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
        for source in copied(path):
            assert (ROOT / source).exists(), source
            assert source in included or source.partition("/")[0] in included, source


def test_everything_else_is_ignored() -> None:
    included = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert included == ["pyproject.toml", "requirements.txt", "docker/dependencies.py", "api", "db", "migrations",
                           "pipeline"]  # fmt: skip
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"


def test_the_gateway_does_not_install_the_libraries_of_the_pipeline() -> None:
    assert closure("api") & HEAVY == set()
    assert {"torch", "ray", "diffusers", "av"} <= closure("pipeline")


@pytest.mark.parametrize("extras", ["api", "pipeline", "pipeline film-tf"])
def test_every_version_is_pinned(extras: str) -> None:
    if "film-tf" in extras and importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow-cpu is not installed (extra film-tf): its dependencies are not known")
    pinned = {canonicalize_name(line.partition("==")[0]) for line in (ROOT / "requirements.txt").read_text().split()}
    assert closure(extras) - pinned == set()


def test_the_image_of_the_pipeline_can_have_tensorflow_for_the_cpu() -> None:
    """It has no CUDA libraries, which would replace those of torch. Without the argument there is no TensorFlow."""
    (install,) = (rest for rest in arguments(ROOT / "docker/pipeline.Dockerfile", "RUN") if "pip install" in rest)
    assert "python dependencies.py ${EXTRAS} > wanted.txt" in install
    stage = [rest for name, rest in instructions(ROOT / "docker/pipeline.Dockerfile") if name in ("FROM", "ARG", "RUN")]
    assert stage.index("EXTRAS=pipeline") > stage.index("${BASE_IMAGE} AS dependencies"), "an ARG belongs to its stage"
    assert stage.index("EXTRAS=pipeline") < stage.index(install)
    added = {need.name for need in requirements("pipeline film-tf")} - {need.name for need in requirements("pipeline")}
    assert added == {"tensorflow-cpu"}
    assert "tensorflow" not in closure("pipeline")


def test_the_gateway_needs_only_the_files_of_its_image(tmp_path: Path) -> None:
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
    assert {"api.app", "db.migrate", "pipeline.contract.spec"} <= ours.keys()
    assert {".".join(name.split(".")[:2]) for name in ours if name.startswith("pipeline.")} == {"pipeline.contract"}
    assert [name for name, file in ours.items() if not file.startswith(str(tmp_path))] == []


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_the_command_starts_with_a_module_of_the_project(path: Path) -> None:
    """The entry point is `python -m`, so the command starts with the module."""
    commands = {name: value for name, value in instructions(path) if name in ("ENTRYPOINT", "CMD")}
    assert json.loads(commands["ENTRYPOINT"]) == ["python", "-m"]
    assert importlib.util.find_spec(json.loads(commands["CMD"])[0]) is not None
