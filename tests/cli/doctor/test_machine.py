"""The checks of the machine, with machines that lack something."""

import ast
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cli import platform_check
from cli.doctor import machine
from cli.doctor.finding import Finding, Verdict

ROOT = Path(__file__).parents[3]


class Usage:
    total = used = 0

    def __init__(self, free: float) -> None:
        self.free = free


def programs(folder: Path, **scripts: str) -> str:
    """A PATH with only these programs."""
    for name, script in scripts.items():
        path = folder / name.replace("_", "-")
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return str(folder)


def test_this_machine_has_no_problem_that_stops_the_tests(tmp_path: Path) -> None:
    assert machine.check_python().verdict is not Verdict.PROBLEM
    assert machine.blocking(tmp_path) == []


@pytest.mark.parametrize(("free", "verdict"), [(0.1, "problem"), (2, "warning"), (50, "ok")])
def test_a_full_disk(free: float, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free * 2**30))
    finding = machine.check_disk(tmp_path / "not" / "there")
    assert (finding.verdict, str(tmp_path) in finding.found) == (verdict, True)
    if verdict == "problem":
        assert "--data-dir" in machine.blocking(tmp_path)[0].line()


@pytest.mark.parametrize(("free", "verdict"), [(32, "problem"), (64, "warning"), (2048, "ok")])
def test_little_shared_memory(free: int, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free * 2**20))
    assert machine.check_shared_memory(tmp_path).verdict == verdict
    assert machine.check_shared_memory(tmp_path / "none").verdict == "ok"


@pytest.mark.parametrize(("available", "verdict"), [(1, "problem"), (3, "warning"), (16, "ok")])
def test_little_memory(available: int, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    total = psutil.virtual_memory()._replace(available=available * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: total)
    assert machine.check_memory().verdict == verdict


@pytest.mark.parametrize(("hard", "verdict"), [(256, "problem"), (4096, "warning"), (65536, "ok"), (-1, "ok")])
def test_a_low_limit_of_open_files(hard: int, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (hard, hard))
    assert machine.check_open_files().verdict == verdict


CARD = "echo 'NVIDIA H200, 580.95.05, 143771 MiB'"


@pytest.mark.parametrize(
    ("script", "device", "cuda", "verdict", "words"),
    [
        (None, "auto", None, "ok", "the models run on the CPU"),
        (None, "cuda", None, "problem", "install the driver, or set DEVICE=cpu"),
        ("exit 9", "cuda", "12.8", "problem", "no NVIDIA driver answers"),
        (CARD, "auto", "12.8", "ok", "NVIDIA H200, 580.95.05, 143771 MiB; torch is built for CUDA 12.8"),
        (CARD, "auto", None, "warning", "built without CUDA"),
        (CARD, "cpu", "12.8", "ok", "not used, because of DEVICE=cpu"),
    ],
)
def test_the_gpu(
    script: str | None, device: str, cuda: str | None, verdict: str, words: str,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PATH", programs(tmp_path, **({"nvidia_smi": script} if script else {})))
    monkeypatch.setattr(machine, "torch_cuda", lambda: cuda)
    finding = machine.check_gpu(device)
    assert (finding.verdict, words in finding.line()) == (verdict, True), finding


def test_the_cuda_of_torch_is_read_without_importing_it() -> None:
    program = (
        "import sys; from cli.doctor.machine import torch_cuda; print(torch_cuda()); assert 'torch' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    torch = pytest.importorskip("torch")
    assert run.stdout.strip() == str(torch.version.cuda)


@pytest.mark.parametrize(
    ("version", "verdict"), [(None, "warning"), ("v18.19.0", "warning"), ("v20.20.2", "ok"), ("v24.1.0", "ok")]
)
def test_node(version: str | None, verdict: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", programs(tmp_path, **({"node": f"echo {version}"} if version else {})))
    assert machine.check_node().verdict == verdict


def test_a_program_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{programs(tmp_path, slow='exec sleep 60')}:/usr/bin:/bin")
    monkeypatch.setattr(machine, "PROGRAM_TIMEOUT_SECONDS", 0.2)
    assert machine.run_program("slow") is None


@contextmanager
def pretend(monkeypatch: pytest.MonkeyPatch, **values: object) -> Iterator[None]:
    with monkeypatch.context() as patch:
        for name, value in values.items():
            patch.setattr(platform, name, lambda value=value: value)
        yield


UNSUPPORTED: dict[str, tuple[dict[str, object], str]] = {
    "machine": ({"machine": "riscv64"}, "no packages for Linux riscv64"),
    "32 bits": ({"machine": "armv7l"}, "no packages for Linux armv7l"),
    "Windows": ({"system": "Windows", "machine": "AMD64"}, "no packages for Windows AMD64"),
    "Intel Mac": ({"system": "Darwin", "machine": "x86_64"}, "no packages for Darwin x86_64"),
    "musl": ({"libc_ver": ("", "")}, "use a distribution with glibc"),
    "PyPy": ({"python_implementation": "PyPy"}, "needs CPython"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the cases pretend to differ from Linux in one thing")
@pytest.mark.parametrize("case", UNSUPPORTED)
def test_an_unsupported_machine_is_one_line(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values, words = UNSUPPORTED[case]
    with pretend(monkeypatch, **values):
        message = platform_check.unsupported()
        finding: Finding = machine.check_python()
    assert words in message
    assert "\n" not in message
    assert (finding.verdict, finding.advice) == ("problem", message)


def test_an_old_python_is_refused_and_an_unknown_one_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    assert "needs Python 3.11 or newer" in platform_check.unsupported()
    monkeypatch.setattr(sys, "version_info", (3, 19, 0))
    assert platform_check.unsupported() == ""
    monkeypatch.setattr(platform, "python_version_tuple", lambda: ("3", "19", "0"))
    assert machine.check_python().verdict == "warning"


def test_the_platform_check_can_be_read_by_old_pythons() -> None:
    """`make setup` runs it with the Python that is to be refused."""
    source = (ROOT / "cli/platform_check.py").read_text()
    ast.parse(source, feature_version=(3, 4))
    imports = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports for alias in node.names}
    assert names <= sys.stdlib_module_names
    run = subprocess.run([sys.executable, "-I", "cli/platform_check.py"], cwd=ROOT, capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
