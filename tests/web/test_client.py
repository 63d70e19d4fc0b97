"""The web app's copy of the gateway's documents, and the types made from it, are current."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from api.events.messages import document
from api.openapi import DocumentedApp
from cli.system.web import SOURCES
from pipeline.contract.vocabulary import unknown_words

REPAIR = "run `make web-api`"


def test_the_openapi_document_of_the_web_app_is_current() -> None:
    assert json.loads((SOURCES / "openapi.json").read_text()) == json.loads(json.dumps(DocumentedApp().openapi())), (
        REPAIR
    )


def test_the_schema_of_the_events_is_current() -> None:
    assert json.loads((SOURCES / "events.schema.json").read_text()) == json.loads(json.dumps(document())), REPAIR


def test_the_types_are_current(frontend: Path) -> None:
    command = ["node", "scripts/generate-api.mjs", "--check"]
    done = subprocess.run(command, cwd=frontend, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{done.stderr}{REPAIR}"


def test_the_examples_for_the_small_model_have_only_words_of_its_vocabulary() -> None:
    source = (SOURCES / "src/features/models/examples.ts").read_text()
    examples = re.findall(r'^  "([^"]+)",$', source, re.MULTILINE)
    assert len(examples) >= 3
    assert {example: unknown for example in examples if (unknown := unknown_words(example))} == {}


def test_no_registry_address_is_in_the_lock_file() -> None:
    assert "resolved" not in (SOURCES / "package-lock.json").read_text()


@pytest.mark.parametrize("command", ["lint", "types", "test"])
def test_the_web_apps_own_checks(command: str, frontend: Path) -> None:
    done = subprocess.run(
        ["npm", "run", command], cwd=frontend, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
