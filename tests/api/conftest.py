"""The gateway on a real PostgreSQL; `db.work` plays the worker."""

import asyncio
import contextlib
import fcntl
import sys
import termios
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api import events
from api.__main__ import listen
from api.app import create_app
from api.edge import Gateway
from api.settings import Settings
from db import jobs, users, work
from db.embedded import Postgres
from db.jobs import Limits
from db.models import Job, User
from db.storage import Storage
from db.work import Lease

SPEC: dict[str, Any] = {"prompt": "a red circle moving right", "duration_seconds": 1.0, "fps": 8}
RESOLVED = {"seed": 7, "model": "tiny", "frames": 8}


def settings_of(database_url: str, folder: Path) -> Settings:
    return Settings(
        DATABASE_URL=database_url,
        STORAGE_DIR=str(folder / "objects"),
        STORAGE_SIGNING_KEY="a signing key of the tests, and long enough",
        SECRET_KEY="a secret key of the tests, and long enough",
        AURA_ENV="development",
        ALLOWED_ORIGINS="https://app.example",
    )


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_of(database_url, tmp_path)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    parts: Gateway = app.state.gateway
    yield app
    await parts.engine.dispose()


@pytest.fixture
def parts(app: FastAPI) -> Gateway:
    gateway: Gateway = app.state.gateway
    return gateway


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody is signed in."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client


async def new_user(parts: Gateway) -> tuple[User, str]:
    async with parts.sessions.begin() as session:
        user = await users.create(session, email=f"{uuid4().hex}@example.org", password_hash="none")
    return user, parts.tokens.access(user.id)


@dataclass
class Person:
    """A user with an access token, and what he asks the gateway."""

    id: UUID
    token: str
    http: httpx.AsyncClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = self.headers | arguments.pop("headers", {})
        async with asyncio.timeout(20):  # a stream that should have been refused never ends
            return await self.http.request(method, path, headers=headers, **arguments)

    async def get(self, path: str, **arguments: Any) -> httpx.Response:
        return await self.ask("GET", path, **arguments)

    async def post(self, path: str, **arguments: Any) -> httpx.Response:
        return await self.ask("POST", path, **arguments)

    async def generate(self, **spec: Any) -> str:
        response = await self.post("/api/generate", json=SPEC | spec)
        assert response.status_code == 201, response.text
        return str(response.json()["job_id"])


async def person(parts: Gateway, http: httpx.AsyncClient) -> Person:
    user, token = await new_user(parts)
    return Person(user.id, token, http)


@pytest.fixture
async def alice(parts: Gateway, client: httpx.AsyncClient) -> Person:
    return await person(parts, client)


@pytest.fixture
async def bob(parts: Gateway, client: httpx.AsyncClient) -> Person:
    return await person(parts, client)


@dataclass
class Worker:
    """A dispatcher without a pipeline."""

    parts: Gateway

    @property
    def storage(self) -> Storage:
        return self.parts.storage

    async def enqueue(self, owner_id: UUID, **spec: Any) -> Job:
        async with self.parts.sessions.begin() as session:
            limits = Limits(queued_per_user=1000, seconds_per_day=None)
            queued = await jobs.enqueue(session, owner_id=owner_id, spec=SPEC | spec, seconds=1.0, limits=limits)
            return queued.job

    async def claim(self) -> Lease:
        async with self.parts.sessions.begin() as session:
            job = await work.claim(session, owner="worker", running_per_user=1000)
        assert job is not None
        return work.lease_of(job)

    async def progress(self, lease: Lease, value: float, preview_key: str | None = None) -> None:
        async with self.parts.sessions.begin() as session:
            assert await work.progress(
                session, lease, progress={"value": value}, eta_seconds=1 - value, preview_key=preview_key
            )

    async def publish(self, lease: Lease, data: bytes = b"0123456789") -> str:
        key = f"jobs/{lease.job_id}/{lease.attempt}/video.mp4"
        await self.storage.put(key, data, "video/mp4")
        artifact = {
            "kind": "video", "key": key, "content_type": "video/mp4", "width": 512, "height": 512, "fps": 8.0,
            "frames": 8, "duration": 1.0, "size_bytes": len(data), "sha256": "0" * 64,
        }  # fmt: skip
        async with self.parts.sessions.begin() as session:
            assert await work.publish(session, lease, resolved=RESOLVED, warnings=["w"], artifacts=[artifact])
        return key

    async def fail(self, lease: Lease) -> None:
        error = {"code": "stage_failed", "message": "generate: no", "stage": "generate"}
        async with self.parts.sessions.begin() as session:
            assert await work.fail(session, lease, error=error, retry=False)


@pytest.fixture
def worker(parts: Gateway) -> Worker:
    return Worker(parts)


@dataclass
class Served:
    """A gateway behind a real socket, in a thread with its own event loop."""

    app: FastAPI
    port: int
    server: uvicorn.Server

    def waiting_bytes(self) -> list[int]:
        """What waits to be taken by each connected reader, in this process and in the kernel."""
        transports = [connection.transport for connection in list(self.server.server_state.connections)]
        return [it.get_write_buffer_size() + _unsent(it.get_extra_info("socket").fileno()) for it in transports]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/ws"


def _unsent(file: int) -> int:
    return int.from_bytes(fcntl.ioctl(file, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


@contextlib.contextmanager
def serve(app: FastAPI, **options: Any) -> Iterator[Served]:
    options |= {"timeout_graceful_shutdown": 1, "ws_ping_interval": None}  # who is dropped is dropped by us
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", **options))
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        assert server.started
        yield Served(app, listening.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve(create_app(settings_of(postgres.url, tmp_path_factory.mktemp("server")))) as served:
        yield served


@pytest.fixture
def served(server: Served, app: FastAPI) -> Served:
    """One for all tests, on the database of the test. `app` is another gateway beside it, without sockets."""
    return server


@pytest.fixture
def started(settings: Settings) -> Callable[..., contextlib.AbstractContextManager[Served]]:
    return lambda **changed: serve(create_app(settings.model_copy(update=changed)))


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notifications get lost."""

    async def nothing(url: str) -> AsyncIterator[dict[str, Any]]:
        await asyncio.Event().wait()
        yield {}

    monkeypatch.setattr(events, "listen", nothing)
    monkeypatch.setattr(events, "RECENT", 1)
