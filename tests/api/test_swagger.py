import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from api.swagger import START
from tests.api.conftest import Server


async def test_the_page_loads_only_files_of_this_gateway(client: httpx.AsyncClient) -> None:
    page = await client.get("/api/docs")
    assert page.headers["content-type"].startswith("text/html")
    paths = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(paths) == 3
    for path in paths:
        assert path.startswith("/api/docs/")
        asset = await client.get(path)
        assert asset.status_code == 200
        assert asset.headers["content-type"].split(";")[0] in ("text/javascript", "text/css")
        assert asset.headers["x-content-type-options"] == "nosniff"
    assert '"/api/openapi.json"' in START


async def test_the_page_runs_no_script_but_its_files(client: httpx.AsyncClient) -> None:
    page = await client.get("/api/docs")
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert "sandbox" not in policy, "a sandboxed page cannot run Swagger UI"
    assert not re.search(r"<script>|<script [^>]*>[^<]|\son\w+=", page.text), "an inline script would not run"


async def test_swagger_ui_reads_documents_of_openapi_3_1(client: httpx.AsyncClient) -> None:
    script = (await client.get("/api/docs/swagger-ui-bundle.js")).text
    version = re.search(r'PACKAGE_VERSION:"(\d+)\.', script)
    assert version is not None
    assert int(version[1]) >= 5
    assert (await client.get("/api/openapi.json")).json()["openapi"].startswith("3.1")


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
async def test_a_browser_shows_the_operations(server: Server, tmp_path: Path) -> None:
    """With the policy of the page, which a browser enforces."""
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=20000", "--dump-dom",
    ]  # fmt: skip
    browser = await asyncio.create_subprocess_exec(
        "chromium", *options, f"{server.http}/api/docs", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    page, _ = await asyncio.wait_for(browser.communicate(), 90)
    for operation in ("jobs_generate", "keys_create_key", "openai_create_video"):
        assert operation in page.decode()
