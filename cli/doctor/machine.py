"""Checks of the machine: what AuraAnim needs of it before any of its services runs."""

import importlib.util
import platform
import re
import resource
import shutil
import subprocess
from pathlib import Path
from typing import Final

import psutil

from cli.doctor.finding import Finding, ok, problem, warning
from cli.platform_check import NEWEST_TRIED, unsupported

GIB: Final = 2**30
# Below the first value nothing works for long, below the second only small videos do.
DISK: Final = (0.5 * GIB, 5 * GIB)
MEMORY: Final = (2 * GIB, 4 * GIB)
# Frames travel through shared memory. A container has 64 MiB of it unless it is given more.
SHARED_MEMORY: Final = (0.06 * GIB, 0.5 * GIB)
OPEN_FILES: Final = (1024, 8192)
NODE_MAJOR: Final = 20
PROGRAM_TIMEOUT_SECONDS: Final = 20


def check_python() -> Finding:
    version = platform.python_version()
    if reason := unsupported():
        return problem("Python", version, reason)
    if tuple(map(int, platform.python_version_tuple()[:2])) > NEWEST_TRIED:
        return warning(
            "Python", version, "newer than every version that was tried: use an older one if something fails"
        )
    return ok("Python", version)


def check_disk(data_dir: Path) -> Finding:
    folder = nearest_folder(data_dir)
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.1f} GiB free in {folder}"
    return judge("disk", free, DISK, found, "free some, or choose another folder with --data-dir")


def check_memory() -> Finding:
    memory = psutil.virtual_memory()
    found = f"{memory.available / GIB:.1f} GiB available of {memory.total / GIB:.1f}"
    return judge("memory", memory.available, MEMORY, found, "end other programs, or use a machine with more")


def check_shared_memory(folder: Path = Path("/dev/shm")) -> Finding:  # noqa: S108
    if not folder.is_dir():
        return ok("shared memory", "ordinary files: this system has no /dev/shm")
    free = shutil.disk_usage(folder).free
    found = f"{free / GIB:.2f} GiB free in {folder}"
    return judge("shared memory", free, SHARED_MEMORY, found, "start the container with --shm-size=2g")


def check_open_files() -> Finding:
    """The hard limit: `aura up` raises the soft one to it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return ok("open files", "unlimited")
    return judge("open files", hard, OPEN_FILES, f"at most {hard}", "raise the limit: ulimit -Hn 65536, as root")


def check_gpu(device: str) -> Finding:
    """`device` is DEVICE: auto, cpu or cuda."""
    cards = run_program("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
    if cards is None:
        if device == "cuda":
            return problem("GPU", "no NVIDIA driver answers", "install the driver, or set DEVICE=cpu")
        return ok("GPU", "none: the models run on the CPU")
    if device == "cpu":
        return ok("GPU", f"{first_line(cards)}; not used, because of DEVICE=cpu")
    if torch_cuda() is None:
        return warning("GPU", first_line(cards), "this torch is built without CUDA: install the build with CUDA")
    return ok("GPU", f"{first_line(cards)}; torch is built for CUDA {torch_cuda()}")


def torch_cuda() -> str | None:
    """The version of CUDA that torch was built for, without the second that its import takes; None: without CUDA."""
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:
        return None
    version = re.search(r"^cuda[^=]*= '([^']+)'", Path(found.origin).with_name("version.py").read_text(), re.MULTILINE)
    return version[1] if version else None


def check_node() -> Finding:
    version = run_program("node", "--version")
    if version is None:
        return warning(
            "Node", "not found", f"install Node {NODE_MAJOR} or newer for the web app; nothing else needs it"
        )
    major = int((re.search(r"\d+", version) or ["0"])[0])
    if major < NODE_MAJOR:
        return warning("Node", version.strip(), f"the web app needs Node {NODE_MAJOR} or newer")
    return ok("Node", version.strip())


def run_program(*command: str) -> str | None:
    """The output of a program; None if there is none, it fails, or it does not end."""
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT_SECONDS,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return run.stdout or None


def judge(name: str, value: float, limits: tuple[float, float], found: str, advice: str) -> Finding:
    """A problem below the first limit, a warning below the second."""
    if value < limits[0]:
        return problem(name, found, advice)
    return warning(name, found, advice) if value < limits[1] else ok(name, found)


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the first of its parents that exists."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def first_line(text: str) -> str:
    return text.strip().splitlines()[0]


def blocking(data_dir: Path) -> list[Finding]:
    """The problems of this machine with which nothing can start. Takes some milliseconds."""
    findings = (check_disk(data_dir), check_shared_memory(), check_open_files())
    return [finding for finding in findings if finding.verdict == "problem"]
