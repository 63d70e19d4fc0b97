"""What the documentation names exists: files, tests, decisions, make targets, commands, settings, routes."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer
from fastapi.routing import APIRoute

from api.routers import ROUTERS
from cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "frontend" / "README.md"])
# Plans in the table "Where do I change …".
PLANNED = {"api/metrics.py", "/metrics"}
# Of the framework, not of a router.
DOCUMENT = "/api/openapi.json"
UNUSED_DECISIONS = {26, 29}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
FOLDERS = "api|cli|db|docker|docs|frontend|migrations|pipeline|tests"
FILE = re.compile(rf"^(?:{FOLDERS})/[\w./-]*(?:\.\w+|/)$")
TEST_NAME = re.compile(r"^(test_\w+)(…?)$")
ROUTE = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) (/[^\s?]*)")
ROUTE_ANYWHERE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^\s?`]*)")
SETTING = re.compile(r"^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$")
# `NAME` (default) in a table of settings.
DEFAULT = re.compile(r"`([A-Z][A-Z0-9_]+)` \((\d+)(?: (KiB|MiB))?[,) ]")
UNITS = {"": 1, "KiB": 1024, "MiB": 1024 * 1024}
SOURCES = {".py", ".ts", ".tsx", ".mjs", ".yaml", ".yml", ".toml", ".sh", ".Dockerfile", ".example", ""}


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def spans(page: Path) -> list[str]:
    return INLINE.findall(prose(page))


def commands(page: Path) -> Iterator[list[str]]:
    """The words of each command in the blocks and code spans, continued lines joined, without comments."""
    blocks = [
        code for language, code in FENCE.findall(page.read_text(encoding="utf-8")) if language in ("", "sh", "bash")
    ]
    for line in "\n".join([*blocks, *spans(page)]).replace("\\\n", " ").splitlines():
        for command in re.split(r"\s*(?:\||&&|;|\$\()\s*", re.sub(r"(?:^|\s)#.*", "", line)):
            try:
                words = shlex.split(command.rstrip(")"))
            except ValueError:
                words = command.split()
            while words and ("=" in words[0] or words[0] == "export"):
                words = words[1:]
            if words:
                yield words


@cache
def headings(page: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@cache
def names_of_tests() -> set[str]:
    paths = list((ROOT / "tests").rglob("*.py"))
    defined = re.findall(r"^\s*(?:async )?def (test_\w+)", "\n".join(map(Path.read_text, paths)), re.MULTILINE)
    return {*defined, *(path.stem for path in paths)}


@cache
def source_text() -> str:
    """Everything that can read or set a variable."""
    top = [path for path in ROOT.iterdir() if path.is_file() and path.suffix in SOURCES]
    folders = [
        path
        for name in ("api", "cli", "db", "docker", "pipeline", "tests", "frontend/src")
        for path in (ROOT / name).rglob("*")
    ]
    sources = [path for path in folders if path.suffix in SOURCES and path.is_file()]
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in [*top, *sources])


def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        assert not anchor or anchor in headings(linked), target


def test_named_files_exist(page: Path) -> None:
    named = {span for span in spans(page) if FILE.match(span) and "…" not in span}
    assert {name for name in named if not (ROOT / name).exists()} - PLANNED == set()


def test_named_tests_exist(page: Path) -> None:
    for span in spans(page):
        if found := TEST_NAME.match(span.removesuffix(".py")):
            name, shortened = found.groups()
            known = any(test.startswith(name) for test in names_of_tests()) if shortened else name in names_of_tests()
            assert known, span


def test_named_decisions_exist(page: Path) -> None:
    for number in re.findall(r"[Dd]ecision\s+(\d+)", page.read_text(encoding="utf-8")):
        assert list((ROOT / "docs" / "decisions").glob(f"{int(number):04}-*.md")), number


def test_decisions_are_numbered_consecutively() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in records]
    assert sorted([*numbers, *UNUSED_DECISIONS]) == list(range(1, max(numbers) + 1))
    for path, number in zip(records, numbers, strict=True):
        assert path.read_text(encoding="utf-8").startswith(f"# {number}. "), path


def test_named_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {words[1] for words in commands(page) if words[0] == "make" and len(words) > 1}
    assert used <= targets


def test_named_commands_and_options_exist(page: Path) -> None:
    for words in commands(page):
        if words[0] in ("aura", ".venv/bin/aura", "$(BIN)/aura"):
            assert not (problem := unknown_word(words[1:])), (problem, words)


@cache
def aura() -> typer.core.TyperGroup:
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    return command


def unknown_word(words: list[str]) -> str | None:
    """The first sub-command or long option that `aura` does not have."""
    command = aura()
    while isinstance(command, typer.core.TyperGroup) and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return words[0]
        command, words = command.commands[words[0]], words[1:]
    known = {
        "--help",
        *(option for parameter in command.params for option in parameter.opts + parameter.secondary_opts),
    }
    if isinstance(command, typer.core.TyperGroup):
        known |= {"--install-completion", "--show-completion"}
    return next((word for word in words if re.match(r"--\w", word) and word.partition("=")[0] not in known), None)


def test_named_modules_can_be_run(page: Path) -> None:
    for words in commands(page):
        if words[0].endswith("python") and words[1:2] == ["-m"] and len(words) > 2:
            assert importlib.util.find_spec(words[2]), words


def test_named_routes_exist(page: Path) -> None:
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    for method, path in (found.groups() for span in spans(page) if (found := ROUTE.match(span))):
        example = re.sub(r"\{\w+\}|…", "x", path)
        scope = {"type": "http", "path": example, "method": method, "headers": []}
        # `GET /api/status` is short for the route with an id.
        known = any(
            route.matches(scope)[0].name == "FULL" or route.path_format.startswith(f"{path}/{{") for route in routes
        )
        assert known or path in {DOCUMENT, *PLANNED}, (method, path)


def test_every_operation_is_in_the_overview_of_the_api() -> None:
    page = (ROOT / "docs" / "API.md").read_text(encoding="utf-8")
    named = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in ROUTE_ANYWHERE.findall(page)}
    operations = {
        (method, re.sub(r"\{[\w:]+\}", "{}", route.path_format))
        for route in (route for router in ROUTERS for route in router.routes)
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods
    }
    assert operations - named == {("GET", "/api/files/{}")}, "the signed links of a local store"


def test_named_settings_exist(page: Path) -> None:
    if page.parent.name == "decisions":
        return  # records name variables of other programs, and what was rejected
    for name in {span.partition("=")[0] for span in spans(page)}:
        if SETTING.match(name):
            assert re.search(rf"\b{name}\b", source_text(), re.IGNORECASE), name


def test_named_defaults_are_those_of_the_settings(page: Path) -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, number, unit in DEFAULT.findall(prose(page)):
        default = re.search(rf"^# {name}=(\d+)$", example, re.MULTILINE)
        if default:
            assert int(number) * UNITS[unit] == int(default[1]), name
