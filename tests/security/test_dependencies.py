"""Known vulnerabilities of the pinned dependencies: pip-audit, where its service can be reached."""

import json
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# The id of an advisory, and the day until which it is accepted, with the reason beside it.
WAIVED: dict[str, date] = {}


@pytest.mark.long_attack
def test_no_pinned_dependency_has_a_known_vulnerability() -> None:
    command = [sys.executable, "-m", "pip_audit", "--requirement", "requirements.txt", "--no-deps", "--disable-pip"]
    command += ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    if not finished.stdout.startswith("{"):
        pytest.skip(f"nothing was audited, the service cannot be reached: {finished.stderr.strip()[-200:]}")
    dependencies: list[dict[str, Any]] = json.loads(finished.stdout)["dependencies"]
    audited = [found for found in dependencies if "skip_reason" not in found]
    if not audited:
        pytest.skip(f"nothing was audited: {dependencies[0]['skip_reason']}")
    assert len(audited) > len(dependencies) * 0.9, "most of the dependencies were not audited"
    found = {(one["name"], flaw["id"]) for one in audited for flaw in one["vulns"]}
    assert {(name, flaw) for name, flaw in found if WAIVED.get(flaw, date.min) < date.today()} == set()
