"""Fixtures: the parsed container files, and the settings of the code that they must agree with."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.fields import FieldInfo

from api.settings import Settings
from db.settings import MigrationSettings, RoleSettings, RootStorageSettings
from pipeline.settings import PipelineSettings

ROOT = Path(__file__).parents[2]
# ${NAME}, ${NAME:-default} or ${NAME:?message} in the compose file.
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<operator>[-?])(?P<text>[^}]*))?\}")
SETTING = re.compile(r"^(?P<comment># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$", re.MULTILINE)
DIRECT_READ = re.compile(r"""(?:environ(?:\.get\(|\[)|envvar=)"([A-Z][A-Z0-9_]*)\"""")
# Variables that Ray itself reads.
RAY_VARIABLES = {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"}
# Read by the code, but not for operators: failpoints are for tests, the number of threads is for training, and the head
# sets the others for the workers of its node.
INTERNAL_VARIABLES = {"AURA_FAILPOINTS", "OMP_NUM_THREADS", "AURA_FORK_SERVER", "AURA_LOCAL_HEAD", "AURA_RAY_WORKER"}
SETTINGS_CLASSES = (Settings, PipelineSettings, MigrationSettings, RoleSettings, RootStorageSettings)


@dataclass(frozen=True)
class Example:
    """A setting in .env.example. It is `active` unless it is commented out."""

    value: str
    active: bool


@pytest.fixture(scope="session")
def example() -> dict[str, Example]:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    return {found["name"]: Example(found["value"], not found["comment"]) for found in SETTING.finditer(text)}


@pytest.fixture(scope="session")
def compose_text() -> str:
    return (ROOT / "docker-compose.dev.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def compose(compose_text: str) -> dict[str, Any]:
    return dict(yaml.safe_load(compose_text))


@pytest.fixture(scope="session")
def built_services(compose: dict[str, Any]) -> dict[str, Any]:
    """The services that run images of this project."""
    return {name: service for name, service in compose["services"].items() if "build" in service}


@pytest.fixture(scope="session")
def fields() -> dict[str, FieldInfo]:
    """Every field of the settings classes, by its environment variable."""
    return {name.upper(): field for of in SETTINGS_CLASSES for name, field in of.model_fields.items()}


def direct_reads(*folders: str) -> set[str]:
    """The variables for operators that the code reads from the environment without a settings class."""
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    names = {name for path in sources for name in DIRECT_READ.findall(path.read_text(encoding="utf-8"))}
    return names - INTERNAL_VARIABLES


@pytest.fixture(scope="session")
def known(fields: dict[str, FieldInfo]) -> set[str]:
    """All variables that the code or Ray reads."""
    return fields.keys() | direct_reads("api", "cli", "db", "pipeline") | RAY_VARIABLES


@pytest.fixture
def empty_environment(known: set[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Removes all settings from the environment. The working directory, which is returned, has no .env."""
    for name in known:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def environment(compose: dict[str, Any], example: dict[str, Example]) -> Callable[[str], dict[str, str]]:
    """The environment of a service if .env is .env.example with its secrets filled in."""
    dotenv = {name: line.value or name.lower() * 8 for name, line in example.items() if line.active}

    def fill(text: str) -> str:
        return VARIABLE.sub(lambda found: dotenv.get(found["name"]) or found["text"], text)

    def of(service: str) -> dict[str, str]:
        values = compose["services"][service]["environment"]
        return {name: fill(str(value)) for name, value in values.items() if value is not None}

    return of
