"""Builds and starts the image of the gateway with buildah, which needs no container engine.

AURA_TEST_BASE_IMAGE names an image with Python 3.11 in buildah's storage (`buildah images`). AURA_TEST_BUILD_OPTIONS
holds further options of the build, such as `--secret id=pip,src=pip.conf`. docs/OPERATIONS.md describes how to make a
base image.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from db.embedded import free_port
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
    arguments = ["--build-arg", f"BASE_IMAGE={BASE_IMAGE}", "--format", "docker", "--layers", "--tag", IMAGE]
    buildah("build", "--file", "docker/gateway.Dockerfile", *arguments, *options, ".")
    name = buildah("from", IMAGE)
    yield name
    buildah("rm", name)


def test_it_runs_as_an_unprivileged_user_without_write_access(container: str) -> None:
    assert buildah("run", container, "--", "id", "-u") == "10001"
    writable = buildah("run", container, "--", "find", "/app", "/opt/venv", "-writable", "-not", "-type", "l")
    assert writable == ""


def test_it_contains_the_gateway_without_the_pipeline(container: str) -> None:
    program = "import importlib.util as u; print([m for m in ('torch', 'ray', 'numpy', 'cli') if u.find_spec(m)])"
    assert buildah("run", container, "--", "python", "-c", program) == "[]"
    files = buildah("run", container, "--", "ls", "/app/pipeline").split()
    assert sorted(files) == ["__init__.py", "contract"]


def test_no_layer_contains_a_secret(container: str) -> None:
    config = json.loads(buildah("inspect", "--type", "image", IMAGE))["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert not [line for line in config["Env"] if "SECRET" in line or "TOKEN" in line or "PASSWORD" in line]
    assert buildah("run", "--user", "0", container, "--", "find", "/etc", "/root", "/home", "-name", "pip.conf") == ""


def test_it_is_live_but_not_ready_without_a_database(container: str) -> None:
    port = free_port()
    settings = {"SECRET_KEY": "k" * 32, "STORAGE_DIR": "/tmp/o", "STORAGE_SIGNING_KEY": "k" * 32,
                "DATABASE_URL": "postgresql://aura:none@127.0.0.1:1/aura"}  # fmt: skip
    options = [part for name, value in settings.items() for part in ("--env", f"{name}={value}")]
    serve = ["python", "-m", "api", "--port", str(port)]
    process = subprocess.Popen(
        ["timeout", "60", "buildah", "run", *options, container, "--", *serve], env=ENVIRONMENT, start_new_session=True
    )
    try:
        assert status_of(f"http://127.0.0.1:{port}/healthz") == 200
        assert status_of(f"http://127.0.0.1:{port}/readyz") == 503
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def status_of(url: str) -> int:
    """The status code, once the server answers."""
    deadline = time.monotonic() + 40
    while True:
        try:
            return int(urlopen(url, timeout=5).status)
        except URLError as error:
            if isinstance(status := getattr(error, "code", None), int):
                return status
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.3)
