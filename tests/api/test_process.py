"""The gateway in a separate process."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from api.settings import Settings

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "ray", "numpy", "tensorflow", "diffusers", "transformers", "av", "PIL", "minio"}
PROGRAM = """
import asyncio, json, sys
import httpx
from api.app import create_app
app = create_app()
async def main():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost") as client:
        account = {"email": "a@example.org", "password": "correct horse battery"}
        await client.post("/api/auth/register", json=account)
        response = await client.post("/api/auth/login", json=account)
        headers = {"Authorization": "Bearer " + response.json()["access_token"]}
        response = await client.post("/api/generate", json={"prompt": "x"}, headers=headers)
    print("RESPONSE", response.status_code)
    print("LOADED", json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
asyncio.run(main())
"""


def environment(settings: Settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.database_url,
        "STORAGE_DIR": settings.storage_dir or "",
        "STORAGE_SIGNING_KEY": "k" * 32,
        "SECRET_KEY": "a secret key of the tests, and long enough",
        "PYTHONPATH": str(ROOT),
    }


async def run(program: str, folder: Path, environment: dict[str, str]) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program, env=environment, cwd=folder, stdout=PIPE, stderr=PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


async def test_a_job_is_submitted_without_loading_heavy_packages(settings: Settings, tmp_path: Path) -> None:
    code, out, err = await run(PROGRAM, tmp_path, environment(settings))
    assert code == 0, err
    printed = dict(line.split(" ", 1) for line in out.splitlines() if line.startswith(("RESPONSE", "LOADED")))
    assert printed["RESPONSE"] == "201"
    loaded = set(json.loads(printed["LOADED"]))
    assert "fastapi" in loaded
    assert loaded & HEAVY == set()
