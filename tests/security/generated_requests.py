"""Requests that schemathesis generates from the OpenAPI document, with all of its checks.

It runs as its own program, as it does by hand. Besides well-formed requests it sends malformed ones, methods that do
not exist, requests without or with wrong authentication, and chains of requests that use each other's ids.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.security.conftest import ROOT, GatewayProcess

HOOKS = "tests.security.generated_prompts"
# 422 answers well-formed requests that break a rule which JSON schemas cannot express: the aspect ratio of a video, the
# strength of a password, a model's abilities.
EXPECTED = ["2xx", "3xx", "401", "403", "404", "409", "410", "422", "429"]
# How often a known value replaces a generated one.
KNOWN_PROBABILITY = 0.7
REQUEST_SECONDS = 20.0


class Person(NamedTuple):
    """An account. The name appears in reports only."""

    name: str
    id: str
    email: str
    password: str


@dataclass(frozen=True)
class Plan:
    """The account that sends the requests (nobody: none), and their number.

    The first of `people` sends them; the others must not be able to read what belongs to the first. `known` are values
    of parameters by location and name, such as `path.job_id`.
    """

    people: Sequence[Person]
    known: Mapping[str, Sequence[str]]
    phases: Sequence[str]
    examples: int
    seed: int
    seconds: float


@dataclass(frozen=True)
class Report:
    """What schemathesis reports as JSON, and what it printed."""

    values: Mapping[str, Any]
    text: str

    @property
    def cases(self) -> int:
        return int(self.values["test_cases"]["generated"])

    @property
    def problems(self) -> list[Any]:
        """Failed checks, and requests that could not be sent or whose authentication was lost."""
        lost = ["the sign-in was lost"] if self.values["auth"]["reauth_broke"] else []
        return [*self.values["failures"], *self.values["errors"], *lost]

    @property
    def operations(self) -> int:
        return int(self.values["operations"]["total"])

    @property
    def untested_operations(self) -> int:
        return self.operations - int(self.values["operations"]["tested"])


def run(gateway: GatewayProcess, folder: Path, plan: Plan) -> Report:
    (folder / "schemathesis.toml").write_text(configuration(plan))
    (folder / "accounts.json").write_text(json.dumps({"auth": [account(person) for person in plan.people]}))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml", "run"]
    command += [f"{gateway.url}/api/openapi.json", "--checks", "all", "--mode", "all", "--no-color"]
    command += ["--phases", ",".join(plan.phases), "--max-examples", str(plan.examples), "--seed", str(plan.seed)]
    command += ["--continue-on-failure", "--no-shrink", "--generation-database", "none"]
    command += ["--report", "json", "--report-json-path", "report.json"]
    kept = json.dumps([person.id for person in plan.people])
    result = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS, "KEPT_ACCOUNTS": kept},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=plan.seconds, check=False,
    )  # fmt: skip
    text = result.stdout + result.stderr
    report = folder / "report.json"
    assert report.exists(), text
    return Report(json.loads(report.read_text()), text)


def configuration(plan: Plan) -> str:
    """The configuration file; strings and lists of JSON are valid TOML.

    An event stream lasts as long as its job, so that its first event is all that is read.
    """
    lines = ["max-stream-events = 1", f"request-timeout = {REQUEST_SECONDS}", "[cache]", "enabled = false"]
    lines += ["[checks.positive_data_acceptance]", f"expected-statuses = {json.dumps(EXPECTED)}"]
    # A visitor stays one.
    lines += ["[auth]", "auto-signup = false"]
    if plan.people:
        names = [person.name for person in plan.people]
        lines += ["[auth.wfc]", 'path = "accounts.json"', f"user = {json.dumps(names[0])}"]
        lines += [f"peers = {json.dumps(names)}"]
    for parameter, values in plan.known.items():
        lines += [f'[dictionaries."{parameter}"]', f"values = {json.dumps(list(values))}"]
    lines += ["[parameters]"]
    lines += [
        f'"{parameter}" = {{ dictionary = "{parameter}", probability = {KNOWN_PROBABILITY} }}'
        for parameter in plan.known
    ]
    return "\n".join(lines) + "\n"


def account(person: Person) -> dict[str, Any]:
    """An account in the format of Web Fuzzing Commons. A token that is refused is replaced by another sign-in."""
    token = {"extractFrom": "body", "extractSelector": "/access_token"}
    token |= {"sendIn": "header", "sendName": "Authorization", "sendTemplate": "Bearer {token}"}
    return {
        "name": person.name,
        "loginEndpointAuth": {
            "endpoint": "/api/auth/login",
            "verb": "POST",
            "contentType": "application/json",
            "payloadRaw": json.dumps({"email": person.email, "password": person.password}),
            "token": token,
        },
    }
