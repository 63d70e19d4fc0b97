"""The rules of CONTRIBUTING.md about the tree."""

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("api", "cli", "db", "migrations", "pipeline", "tests")
MAX_LINES = 300
SUFFIXES = {".py", ".ts", ".tsx", ".mjs", ".css"}
FORBIDDEN_NAMES = {"utils", "common", "core", "services", "managers", "factories"}


def files() -> Iterator[Path]:
    for folder in (*PACKAGES, "frontend/src"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SUFFIXES and ".gen." not in path.name:
                yield path


def test_files_have_at_most_300_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files()}
    assert len(lengths) > 500
    assert {path: lines for path, lines in lengths.items() if lines > MAX_LINES} == {}


def test_folders_are_named_after_a_noun() -> None:
    assert [path for path in files() if set(path.relative_to(ROOT).parent.parts) & FORBIDDEN_NAMES] == []


@pytest.mark.parametrize("package", ["api", "db"])
def test_the_tests_of_a_package_mirror_it(package: str) -> None:
    """A folder of tests has the name of a folder or of a module."""
    for folder in (path for path in (ROOT / "tests" / package).rglob("*") if path.is_dir()):
        source = ROOT / folder.relative_to(ROOT / "tests")
        if folder.name != "__pycache__":
            assert source.is_dir() or source.with_suffix(".py").is_file(), folder
