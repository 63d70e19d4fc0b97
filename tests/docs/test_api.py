"""docs/API.md: every block is run, in order, against a real gateway. The blocks share their variables."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mcp import Client as McpClient
from mcp import StdioServerParameters
from openai import OpenAI

from cli.client import Client
from db.embedded import Postgres, free_port
from tests.live import running

PAGE = Path(__file__).parents[2] / "docs" / "API.md"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLE_URL, EXAMPLE_KEY, EXAMPLE_PORT = "http://localhost:8000", "aura_sk_…", "8099"
BASH_TIMEOUT_SECONDS = 60
# OpenAI's own servers no longer have this API.
pytestmark = pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    code: str


def blocks() -> list[Block]:
    text = PAGE.read_text()
    return [Block(text[: found.start()].count("\n") + 1, found[1], found[2]) for found in FENCE.finditer(text)]


@dataclass
class Reader:
    """Runs the blocks in one folder. The variables of the shell are environment variables of Python."""

    folder: Path
    url: str
    receiver_port: str
    variables: dict[str, Any]

    def run(self, block: Block) -> None:
        code = block.code.replace(EXAMPLE_URL, self.url).replace(EXAMPLE_PORT, self.receiver_port)
        match block.language:
            case "bash":
                self.run_bash(code, block.line)
            case "python":
                exec(compile(code, f"{PAGE.name}:{block.line}", "exec"), self.variables)
            case "json":
                asyncio.run(list_tools(json.loads(code.replace(EXAMPLE_KEY, os.environ["KEY"]))))
            case language:
                raise AssertionError(
                    f"{PAGE.name}:{block.line}: nothing runs {language or 'a block without a language'}"
                )

    def run_bash(self, code: str, line: int) -> None:
        after = self.folder / "environment"
        script = f"set -aeuo pipefail\n{code}\nenv -0 > {after}"
        run = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=BASH_TIMEOUT_SECONDS,
            check=False,
        )
        assert run.returncode == 0, f"{PAGE.name}:{line}: status {run.returncode}\n{run.stdout}\n{run.stderr}"
        os.environ.update(dict(entry.split("=", 1) for entry in after.read_text().split("\0") if entry))


async def list_tools(configuration: dict[str, Any]) -> None:
    """Start the server of the configuration as an assistant does."""
    (server,) = configuration["mcpServers"].values()
    parameters = StdioServerParameters(
        command=server["command"], args=server["args"], env={"PATH": os.environ["PATH"], **server["env"]}
    )
    async with asyncio.timeout(60), McpClient(parameters) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == {"generate", "status", "result", "list"}


@pytest.fixture
def reader(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AURA_")]:
        del os.environ[name]
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables: dict[str, Any] = {"__name__": "docs"}
    with running(postgres, tmp_path / "live", public_url="") as url:
        yield Reader(tmp_path, url, str(free_port()), variables)
        for value in variables.values():
            if isinstance(value, Client | OpenAI):
                value.__exit__(None, None, None)
    os.environ.clear()
    os.environ.update(before)


def test_every_block_of_the_page_runs(reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    found = blocks()
    assert {block.language for block in found} == {"bash", "python", "json"}
    for block in found:
        reader.run(block)
    for name in ("circle.mp4", "circle.webm", "square.mp4", "star.mp4", "star.gif"):
        assert (reader.folder / name).stat().st_size > 0
    assert (reader.folder / "copy.mp4").read_bytes() == (reader.folder / "star.mp4").read_bytes()


def test_no_code_of_the_page_is_outside_of_a_block() -> None:
    """Markdown shows an indented paragraph as code, too."""
    outside = FENCE.sub("", PAGE.read_text())
    assert re.findall(r"^(?: {4,}|\t)\S.*$", outside, re.MULTILINE) == []


def test_the_page_has_the_exit_statuses_of_the_commands() -> None:
    from cli import console
    from cli.system.data_dir import EXIT_ALREADY_RUNNING

    documented = {
        int(number) for number in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE) if int(number) < 256
    }
    used = {value for name, value in vars(console).items() if name.startswith("EXIT_")}
    assert documented == {0, EXIT_ALREADY_RUNNING} | used
