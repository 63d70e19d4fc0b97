"""The web app's copy of the gateway's documents, and the types made from it, are current."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.events.messages import document
from api.openapi import DocumentedApp
from cli.system.web import SOURCES
from pipeline.contract.catalog import LOOP_SCHEDULERS
from pipeline.contract.plan import Plan
from pipeline.contract.spec import Scheduler
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


def test_the_form_refuses_the_samplers_that_the_gateway_refuses_for_loops() -> None:
    source = (SOURCES / "src/features/composer/settings.ts").read_text()
    found = re.search(r"^const NOT_FOR_LOOPS = (\[.*\]);$", source, re.MULTILINE)
    assert found
    assert set(json.loads(found[1])) == set(Scheduler) - set(LOOP_SCHEDULERS)


def test_no_registry_address_is_in_the_lock_file() -> None:
    assert "resolved" not in (SOURCES / "package-lock.json").read_text()


CHECKS = ("lint", "types", "test")
CHECK_SECONDS = 280


@pytest.fixture(scope="module")
def checks(frontend: Path) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """The checks of the web app side by side: most of each runs on one core."""
    pipe = subprocess.PIPE
    started = {
        name: subprocess.Popen(["npm", "run", name], cwd=frontend, stdout=pipe, stderr=subprocess.STDOUT, text=True)
        for name in CHECKS
    }
    yield started
    for process in started.values():
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", CHECKS)
def test_the_web_apps_own_checks(name: str, checks: dict[str, subprocess.Popen[str]]) -> None:
    output, _ = checks[name].communicate(timeout=CHECK_SECONDS)
    assert checks[name].returncode == 0, output


def test_every_step_of_the_garbage_collection_has_a_name() -> None:
    source = (SOURCES.parent / "pipeline/worker/maintenance.py").read_text()
    steps = re.findall(r'^        "([^"]+)": lambda', source, re.MULTILINE)
    messages = json.loads((SOURCES / "src/lib/i18n/messages/en/admin.json").read_text())
    assert len(steps) >= 16
    assert {re.sub("[ -]", "_", step.lower()) for step in steps} == set(messages["removed"])


def test_every_resolved_setting_has_a_name() -> None:
    messages = SOURCES / "src/lib/i18n/messages/en"
    names = json.loads((messages / "compare.json").read_text())["fields"]
    names |= {
        name: text for name, text in json.loads((messages / "composer.json").read_text()).items() if "{" not in text
    }
    resolved = {*Plan.model_fields, "software", "duration_seconds"} - {"warnings"}
    assert {name for name in resolved if not isinstance(names.get(name), str)} == set()
