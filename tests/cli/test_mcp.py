"""`aura mcp` as an assistant uses it: the SDK's client over stdin and stdout, against a real gateway."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters

from cli.client import Client as GatewayClient
from cli.client import connection
from cli.credentials import StoredKey
from cli.mcp_server import create_server
from db.embedded import free_port
from tests.cli.conftest import Aura, Remote

COMMAND = [sys.executable, "-m", "cli.main", "mcp"]


@asynccontextmanager
async def assistant(environment: dict[str, str]) -> AsyncIterator[Client]:
    """A client of a server that runs with these variables."""
    parameters = StdioServerParameters(
        command=COMMAND[0], args=COMMAND[1:], env={"PATH": os.environ["PATH"], **environment}, cwd=os.getcwd()
    )
    async with asyncio.timeout(60), Client(parameters) as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result: Any = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    content: dict[str, Any] = result.structured_content
    return content


async def test_an_assistant_makes_a_video(remote: Remote, stored_key: StoredKey) -> None:
    async with assistant({"AURA_API_URL": remote.url, "AURA_API_KEY": stored_key.key}) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"generate", "status", "result", "list"}
        assert tools["generate"].input_schema["required"] == ["prompt"]
        job = await call(client, "generate", prompt="a purple star", width=64, height=64, fps=8, duration_seconds=1)
        while job["status"] not in ("succeeded", "failed", "canceled"):
            await asyncio.sleep(0.1)
            job = await call(client, "status", job_id=job["job_id"])
        assert (job["status"], job["progress"]) == ("succeeded", 1)
        video = await call(client, "result", job_id=job["job_id"])
        assert (video["frames"], video["width"]) == (8, 64)
        async with httpx.AsyncClient() as http:
            assert len((await http.get(video["url"])).content) == video["size_bytes"]
        listed = await call(client, "list", search="purple")
        assert [entry["job_id"] for entry in listed["videos"]] == [job["job_id"]]
        assert listed["next"] is None


async def test_the_errors_of_the_gateway_reach_the_assistant(remote: Remote, stored_key: StoredKey) -> None:
    with GatewayClient(remote.url, stored_key.key) as gateway:
        async with Client(create_server(gateway)) as client:
            refused: Any = await client.call_tool("generate", {"prompt": "a star", "width": 63})
            unknown: Any = await client.call_tool("result", {"job_id": "00000000-0000-7000-8000-000000000000"})
    assert refused.is_error
    assert "invalid_request: width" in refused.content[0].text
    assert unknown.is_error
    assert "not_found" in unknown.content[0].text


async def test_a_gateway_that_cannot_be_reached_is_an_error_of_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "RETRY_TIMEOUT_SECONDS", 0.0)
    with GatewayClient(f"http://127.0.0.1:{free_port()}", "aura_sk_any") as gateway:
        async with Client(create_server(gateway)) as client:
            result: Any = await client.call_tool("list", {})
    assert result.is_error
    assert "cannot be reached" in result.content[0].text


def test_without_a_key_the_server_does_not_start(aura: Aura, remote: Remote) -> None:
    for arguments in ([], ["--api", remote.url]):
        result = aura("mcp", *arguments)
        assert (result.exit_code, result.stdout, "aura login" in result.stderr) == (3, "", True)


def test_the_key_of_the_last_login_is_used(signed_in: Aura) -> None:
    """The server ends with the end of its input."""
    result = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stdout) == (0, "")
