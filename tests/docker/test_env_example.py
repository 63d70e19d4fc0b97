"""`.env.example` lists every setting with its default, and contains no secret."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, TypeAdapter
from pydantic.fields import FieldInfo

from db.settings import StorageSettings
from pipeline.settings import PipelineSettings
from tests.docker.conftest import ROOT, VARIABLE, Example

SECRET = re.compile(r"SECRET|PASSWORD|TOKEN$|KEY$|DATABASE_URL")


def is_unset(value: Any) -> bool:
    return (value.get_secret_value() if isinstance(value, SecretStr) else value) in (None, "", ())


def test_every_setting_is_listed(example: dict[str, Example], known: set[str]) -> None:
    assert known - example.keys() == set()


def test_nothing_else_is_listed(example: dict[str, Example], known: set[str], compose_text: str) -> None:
    compose_only = {"COMPOSE_PROFILES", *(found["name"] for found in VARIABLE.finditer(compose_text))}
    assert example.keys() - known - compose_only == set()


def test_commented_settings_show_the_default(example: dict[str, Example], fields: dict[str, FieldInfo]) -> None:
    for name, field in fields.items():
        line = example[name]
        if field.is_required() or is_unset(field.default):
            assert not line.value, name
        else:
            assert TypeAdapter(field.annotation).validate_python(line.value) == field.default, name


def test_it_contains_no_secret(example: dict[str, Example]) -> None:
    assert {name for name, line in example.items() if SECRET.search(name) and line.value} == set()


def test_every_group_of_settings_has_a_description() -> None:
    """A setting follows a description or another setting of its group."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    named = [bool(re.match(r"(# )?[A-Z][A-Z0-9_]*=", line)) for line in lines]
    for before, is_setting, was_setting in zip(lines, named[1:], named, strict=False):
        assert not is_setting or was_setting or re.match(r"# [^-].*\.$", before), before


def test_an_unedited_copy_changes_no_setting(empty_environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = PipelineSettings()
    shutil.copy(ROOT / ".env.example", empty_environment / ".env")
    assert PipelineSettings() == defaults
    monkeypatch.setenv("STORAGE_DIR", "objects")
    monkeypatch.setenv("STORAGE_SIGNING_KEY", "k" * 32)
    assert StorageSettings().storage_dir == "objects"
