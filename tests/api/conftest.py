"""The gateway on a real PostgreSQL; `Worker` makes the writes of a dispatcher."""

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

from api.app import create_app
from api.auth.dependencies import Auth
from api.dependencies import Gateway
from api.events import hub
from api.server.config import GatewayServer, listen, server_config
from api.settings import Settings
from db import login_sessions, users
from db.embedded import Postgres
from db.jobs import leases
from db.jobs import queries as jobs
from db.jobs.leases import Backoff, Lease
from db.jobs.quotas import Quotas
from db.storage.base import Storage
from db.tables import Job
from tests.api.accounts import PASSWORD
from tests.api.documented import check_documented

SPEC: dict[str, Any] = {"prompt": "a red circle moving right", "duration_seconds": 1.0, "fps": 8}
BACKOFF = Backoff(1, 1)
RESOLVED = {"seed": 7, "model": "tiny", "frames": 8, "embed_prompt": False}


def make_settings(database_url: str, folder: Path) -> Settings:
    return Settings(
        database_url=database_url,
        storage_dir=str(folder / "objects"),
        storage_signing_key="a signing key of the tests, and long enough",
        secret_key="a secret key of the tests, and long enough",
        aura_env="development",
        allowed_origins="https://app.example",
        allowed_hosts="gateway.test",
        submissions_per_minute=100_000,
    )


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return make_settings(database_url, tmp_path)


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    app = create_app(settings)
    yield app
    await app.state.gateway.close()


@pytest.fixture
def gateway(app: FastAPI) -> Gateway:
    gateway: Gateway = app.state.gateway
    return gateway


@pytest.fixture
def auth(app: FastAPI) -> Auth:
    auth: Auth = app.state.auth
    return auth


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """An unauthenticated client. Every problem that it receives must be documented."""

    async def check(response: httpx.Response) -> None:
        await response.aread()
        check_documented(app, response)

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    hooks = {"response": [check]}
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test", event_hooks=hooks) as client:
        yield client


@pytest.fixture
async def account(client: httpx.AsyncClient) -> dict[str, str]:
    """The credentials of an account that was registered through the API."""
    credentials = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    response = await client.post("/api/auth/register", json=credentials)
    assert response.status_code == 201, response.text
    assert response.json().keys() == {"id", "email", "created_at", "email_verification_required"}
    return credentials


@dataclass
class ApiUser:
    """A user with an access token, which every request carries."""

    id: UUID
    session_id: UUID
    token: str
    http: httpx.AsyncClient

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    async def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = self.headers | arguments.pop("headers", {})
        # An event stream that should have been refused would never end.
        async with asyncio.timeout(20):
            return await self.http.request(method, path, headers=headers, **arguments)

    async def get(self, path: str, **arguments: Any) -> httpx.Response:
        return await self.request("GET", path, **arguments)

    async def post(self, path: str, **arguments: Any) -> httpx.Response:
        return await self.request("POST", path, **arguments)

    async def generate(self, **spec: Any) -> str:
        response = await self.post("/api/generate", json=SPEC | spec)
        assert response.status_code == 201, response.text
        return str(response.json()["job_id"])


async def create_user(gateway: Gateway, auth: Auth, client: httpx.AsyncClient) -> ApiUser:
    async with gateway.sessions.begin() as session:
        user = await users.create(session, email=f"{uuid4().hex}@example.org", password_hash="none")
        login = await login_sessions.create(session, user_id=user.id, lifetime_seconds=3600)
    return ApiUser(user.id, login.id, auth.tokens.issue(user.id, login.id), client)


@pytest.fixture
async def alice(gateway: Gateway, auth: Auth, client: httpx.AsyncClient) -> ApiUser:
    return await create_user(gateway, auth, client)


@pytest.fixture
async def bob(gateway: Gateway, auth: Auth, client: httpx.AsyncClient) -> ApiUser:
    return await create_user(gateway, auth, client)


@dataclass
class Worker:
    """Makes the writes of a dispatcher, without a pipeline."""

    gateway: Gateway

    @property
    def storage(self) -> Storage:
        return self.gateway.storage

    async def enqueue(self, owner_id: UUID, **spec: Any) -> Job:
        async with self.gateway.sessions.begin() as session:
            quotas = Quotas(queued_per_user=1000, seconds_per_day=None)
            submitted = await jobs.enqueue(session, owner_id=owner_id, spec=SPEC | spec, seconds=1.0, quotas=quotas)
            return submitted.job

    async def claim(self) -> Lease:
        async with self.gateway.sessions.begin() as session:
            job = await leases.claim(session, owner="worker", running_per_user=1000, lease_seconds=30)
        assert job is not None
        return leases.lease_of(job)

    async def progress(self, lease: Lease, value: float, preview_key: str | None = None) -> None:
        async with self.gateway.sessions.begin() as session:
            assert await leases.progress(
                session, lease, progress={"value": value}, eta_seconds=1 - value, preview_key=preview_key
            )

    async def publish(self, lease: Lease, data: bytes = b"0123456789") -> str:
        key = f"jobs/{lease.job_id}/{lease.attempt}/video.mp4"
        await self.storage.put(key, data, "video/mp4")
        artifact = {
            "kind": "video", "key": key, "content_type": "video/mp4", "width": 512, "height": 512, "fps": 8.0,
            "frames": 8, "duration": 1.0, "size_bytes": len(data), "sha256": "0" * 64,
        }  # fmt: skip
        async with self.gateway.sessions.begin() as session:
            assert await leases.publish(session, lease, resolved=RESOLVED, warnings=["w"], artifacts=[artifact])
        return key

    async def fail(self, lease: Lease) -> None:
        error = {"code": "stage_failed", "message": "generate: no", "stage": "generate"}
        async with self.gateway.sessions.begin() as session:
            assert await leases.fail(session, lease, error=error, retry=False, max_failures=3, backoff=BACKOFF)


@pytest.fixture
def worker(gateway: Gateway) -> Worker:
    return Worker(gateway)


@dataclass
class Server:
    """A gateway behind a real socket, in a thread with its own event loop."""

    app: FastAPI
    port: int
    uvicorn: uvicorn.Server

    def unsent_bytes(self) -> list[int]:
        """The bytes buffered for each connection, in this process and in the kernel."""
        transports = [connection.transport for connection in list(self.uvicorn.server_state.connections)]
        return [
            transport.get_write_buffer_size() + _kernel_unsent_bytes(transport.get_extra_info("socket").fileno())
            for transport in transports
        ]

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/api/ws"


StartServer = Callable[..., contextlib.AbstractContextManager[Server]]


def _kernel_unsent_bytes(file: int) -> int:
    return int.from_bytes(fcntl.ioctl(file, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


@contextlib.contextmanager
def run_server(app: FastAPI) -> Iterator[Server]:
    # Tests read the outbox and send mails themselves, and call webhooks themselves.
    app.state.outbox.run = asyncio.Event().wait
    app.state.webhooks.run = asyncio.Event().wait
    # Without uvicorn's pings, only the gateway itself disconnects slow readers.
    options = {"log_level": "warning", "timeout_graceful_shutdown": 1, "ws_ping_interval": None}
    server = GatewayServer(server_config(app, app.state.gateway.settings, **options))
    listening = listen("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        assert server.started
        yield Server(app, listening.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def shared_server(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_server(create_app(make_settings(postgres.url, tmp_path_factory.mktemp("server")))) as server:
        yield server


@pytest.fixture
def server(shared_server: Server, app: FastAPI) -> Server:
    """One server for all tests, on the database of the test. `app` is a second gateway, without sockets."""
    return shared_server


@pytest.fixture
def start_server(settings: Settings) -> StartServer:
    """Starts another server with changed settings."""
    return lambda **changed: run_server(create_app(settings.model_copy(update=changed)))


@pytest.fixture
def no_notifications(monkeypatch: pytest.MonkeyPatch) -> None:
    """All notifications are lost, and polls read only the newest job besides the open ones."""

    async def nothing(url: str) -> AsyncIterator[dict[str, Any]]:
        await asyncio.Event().wait()
        yield {}

    monkeypatch.setattr(hub, "listen", nothing)
    monkeypatch.setattr(hub, "RECENT_JOBS", 1)
