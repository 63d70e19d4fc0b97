"""The gateway as a process of its own."""

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
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://x") as client:
        await client.post("/api/auth/register", json={"email": "a@example.org", "password": "password"})
        answer = await client.post("/api/auth/login", json={"email": "a@example.org", "password": "password"})
        headers = {"Authorization": "Bearer " + answer.json()["access_token"]}
        answer = await client.post("/api/generate", json={"prompt": "x"}, headers=headers)
    print("ANSWER", answer.status_code)
    print("LOADED", json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
asyncio.run(main())
"""


def environment(settings: Settings) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": settings.DATABASE_URL,
        "STORAGE_DIR": settings.STORAGE_DIR or "",
        "STORAGE_SIGNING_KEY": "k" * 32,
        "SECRET_KEY": "s" * 32,
        "PYTHONPATH": str(ROOT),
    }


async def run(program: str, folder: Path, environment: dict[str, str]) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program, env=environment, cwd=folder, stdout=PIPE, stderr=PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


async def test_it_works_without_anything_heavy(settings: Settings, tmp_path: Path) -> None:
    code, out, err = await run(PROGRAM, tmp_path, environment(settings))
    assert code == 0, err
    said = dict(line.split(" ", 1) for line in out.splitlines() if line.startswith(("ANSWER", "LOADED")))
    assert said["ANSWER"] == "201"
    loaded = set(json.loads(said["LOADED"]))
    assert "fastapi" in loaded
    assert loaded & HEAVY == set()
