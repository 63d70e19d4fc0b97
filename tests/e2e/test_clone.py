"""`make test-clone`: a fresh clone and `make video`, in a closed folder, as root and as a plain user.

The long form of `test_closed_folder.py`: it installs all dependencies, twice. It tests the last commit.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.e2e.test_closed_folder import NOBODY, ROOT, python_for, wait_for_shutdown

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        "AURA_TEST_CLONE" not in os.environ, reason="takes minutes and installs packages: make test-clone"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can run it as root, and as another user"),
]


@pytest.mark.parametrize("user", [0, NOBODY], ids=["root", "plain user"])
def test_a_fresh_clone_makes_its_video(user: int) -> None:
    python = python_for(user) if user else sys.executable
    if python is None:
        pytest.skip(f"another user cannot run {sys.executable}")
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="aura-") as name:
        folder = Path(name)
        project = folder / "project"
        subprocess.run(["git", "clone", "--quiet", ROOT, project], check=True)
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PIP_CACHE_DIR": str(folder / "cache")}
        run = subprocess.run(
            ["make", "video", f"PYTHON={python}"], cwd=project, env=environment, capture_output=True, text=True,
            check=False, user=user, group=user, extra_groups=[],
        )  # fmt: skip
        assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-4000:]
        assert (project / "video.mp4").stat().st_size > 0
        wait_for_shutdown(folder)
        shutil.rmtree(project / ".venv")
