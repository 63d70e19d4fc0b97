"""The gateway's image, really built and started, without a container engine: Debian's buildah is enough.

AURA_TEST_BASE_IMAGE names an image with Python 3.11 that buildah has (`buildah images`), AURA_TEST_BUILD_OPTIONS what
the build needs besides, such as `--secret id=pip,src=pip.conf`. docs/OPERATIONS.md says how to make a base image.
"""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.docker.conftest import ROOT

BASE_IMAGE = os.environ.get("AURA_TEST_BASE_IMAGE", "")
IMAGE = "localhost/auraanim-gateway:test"
ENVIRONMENT = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"} | dict(os.environ)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed: no image is built"),
    pytest.mark.skipif(not BASE_IMAGE, reason="AURA_TEST_BASE_IMAGE names no base image: no image is built"),
]


def buildah(*arguments: str) -> str:
    run = subprocess.run(
        ["buildah", *arguments], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.strip()


@pytest.fixture(scope="module")
def container() -> Iterator[str]:
    options = shlex.split(os.environ.get("AURA_TEST_BUILD_OPTIONS", ""))
    chosen = ["--build-arg", f"BASE_IMAGE={BASE_IMAGE}", "--format", "docker", "--layers", "--tag", IMAGE]
    buildah("build", "--file", "docker/gateway.Dockerfile", *chosen, *options, ".")
    name = buildah("from", IMAGE)
    yield name
    buildah("rm", name)


def test_it_runs_as_a_plain_user_who_may_not_change_it(container: str) -> None:
    assert buildah("run", container, "--", "id", "-u") == "10001"
    writable = buildah("run", container, "--", "find", "/app", "/opt/venv", "-writable", "-not", "-type", "l")
    assert writable == ""


def test_it_holds_the_gateway_and_nothing_heavy(container: str) -> None:
    program = "import importlib.util as u; print([m for m in ('torch', 'ray', 'numpy', 'cli') if u.find_spec(m)])"
    assert buildah("run", container, "--", "python", "-c", program) == "[]"
    held = buildah("run", container, "--", "ls", "/app/pipeline").split()
    assert sorted(held) == ["__init__.py", "errors.py", "models", "spec.py", "tiny"]


def test_no_layer_remembers_a_secret(container: str) -> None:
    config = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert not [line for line in config["Env"] if "SECRET" in line or "TOKEN" in line or "PASSWORD" in line]
    assert buildah("run", "--user", "0", container, "--", "find", "/etc", "/root", "/home", "-name", "pip.conf") == ""


def test_it_answers(container: str) -> None:
    """Alive without a database, and not ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"SECRET_KEY": "k" * 32, "STORAGE_DIR": "/tmp/o", "STORAGE_SIGNING_KEY": "k" * 32,
                "DATABASE_URL": "postgresql://aura:none@127.0.0.1:1/aura"}  # fmt: skip
    given = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    serve = ["python", "-m", "api", "--port", str(port)]
    process = subprocess.Popen(
        ["timeout", "60", "buildah", "run", *given, container, "--", *serve], env=ENVIRONMENT, start_new_session=True
    )
    try:
        assert answer(f"http://127.0.0.1:{port}/healthz") == 200
        assert answer(f"http://127.0.0.1:{port}/readyz") == 503
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def answer(url: str) -> int:
    end = time.monotonic() + 40
    while True:
        try:
            return int(urlopen(url, timeout=5).status)
        except URLError as error:
            if isinstance(status := getattr(error, "code", None), int):
                return status
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.3)
