"""Every error is a problem with a code and the request's id; the unexpected ones tell nothing and are logged."""

import errno
import json
import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from api import logs
from api.edge import Gateway, Transaction
from api.problems import NotFound
from db.errors import StorageUnavailable
from tests.api.conftest import SPEC, Person


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/docs", 404, "not_found"),
        ("DELETE", "/api/jobs", 405, "method_not_allowed"),
        ("GET", "/api/generate", 405, "method_not_allowed"),
        ("GET", "/api/me", 401, "unauthenticated"),
    ],
)
async def test_errors_of_the_frame_are_problems_too(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["title"]


async def test_a_wrong_method_names_the_right_one(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/generate")).headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("asked", "kept"), [("abc-1.2_3", True), ("", False), ("x" * 65, False), ("a b", False), ('a"b', False)]
)
async def test_a_sane_request_id_is_kept(client: httpx.AsyncClient, asked: str, kept: bool) -> None:
    response = await client.get("/healthz", headers={"X-Request-ID": asked})
    assert (response.headers["x-request-id"] == asked) is kept
    assert len(response.headers["x-request-id"]) >= 9


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/broken", "/api/me"])
async def test_every_answer_carries_the_headers(broken: httpx.AsyncClient, path: str) -> None:
    headers = (await broken.get(path)).headers
    for name, value in logs.SECURITY_HEADERS.items():
        assert headers[name] == value
    assert headers["x-request-id"]


DETAILED = "first line\nDETAIL: the prompt"


@pytest.fixture
async def broken(app: FastAPI, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Three routes that raise: a bug, a bug after a write, an expected error after a write."""

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError(DETAILED)

    @app.post("/bug")
    async def bug(session: Transaction) -> None:
        await session.execute(text("INSERT INTO stage_rates VALUES ('s', 'm', 1)"))
        raise ValueError

    @app.post("/refused")
    async def refused(session: Transaction) -> None:
        await session.execute(text("INSERT INTO stage_rates VALUES ('s', 'm', 1)"))
        raise NotFound

    return client


def lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines() if line.startswith("{")]


async def test_a_bug_is_logged_and_not_shown(broken: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]) -> None:
    response = await broken.get("/broken", headers={"X-Request-ID": "the-bug"})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.json()["request_id"] == "the-bug"
    assert "first line" not in response.text
    (line,) = [line for line in lines(capsys.readouterr().out) if line.get("path") == "/broken"]
    assert (line["level"], line["status"], line["request_id"]) == ("error", 500, "the-bug")
    assert "in broken" in line["exception"]
    assert "ValueError: first line" in line["exception"]
    assert "the prompt" not in line["exception"]


@pytest.mark.parametrize(("path", "status"), [("/bug", 500), ("/refused", 404)])
async def test_an_error_undoes_what_the_request_wrote(
    broken: httpx.AsyncClient, parts: Gateway, path: str, status: int
) -> None:
    assert (await broken.post(path)).status_code == status
    async with parts.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM stage_rates")) == 0


async def test_what_is_answered_is_committed(alice: Person) -> None:
    """A commit that fails is no 201: the transaction ends before the answer begins."""

    def lost(_: Session) -> None:
        raise ConnectionResetError

    event.listen(Session, "before_commit", lost)
    try:
        response = await alice.post("/api/generate", json=SPEC)
    finally:
        event.remove(Session, "before_commit", lost)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


class FromServer(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DBAPIError("", {}, FromServer("57P03")), 503),  # starting up
        (DBAPIError("", {}, FromServer("53300")), 503),  # too many connections
        (DBAPIError("", {}, FromServer("55P03")), 503),  # lock timeout
        (DBAPIError("", {}, FromServer("40P01")), 503),  # deadlock
        (DBAPIError("", {}, Exception(), connection_invalidated=True), 503),
        (OperationalError("", {}, Exception()), 503),
        (PoolTimeout(), 503),
        (ConnectionRefusedError(), 503),
        (TimeoutError(), 503),
        (StorageUnavailable(), 503),
        (DBAPIError("", {}, FromServer("23514")), 500),  # a CHECK of ours
        (ProgrammingError("", {}, FromServer("42601")), 500),
        (OSError("Multiple exceptions: refused, refused"), 503),
        (OSError(errno.EHOSTUNREACH, "no route"), 503),
        (FileNotFoundError(errno.ENOENT, "no file"), 500),
    ],
)
async def test_a_database_that_is_away_is_no_bug(
    app: FastAPI, client: httpx.AsyncClient, error: Exception, status: int
) -> None:
    @app.get("/database")
    async def database() -> None:
        raise error

    response = await client.get("/database")
    assert response.status_code == status
    assert ("retry-after" in response.headers) is (status == 503)


async def test_the_log_has_one_line_per_request_and_no_secrets(
    alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    account = {"email": "someone@example.org", "password": "secret password"}
    await alice.post("/api/auth/register", json=account)
    login = await alice.post("/api/auth/login", json=account, headers={"Authorization": ""})
    job_id = await alice.generate(prompt="a secret prompt")
    await alice.post("/api/generate", json={"prompt": "a secret prompt", "width": 1})
    await alice.get("/api/files/a?signature=secretsignature&expires=1")
    printed = capsys.readouterr()
    told = lines(printed.out)
    assert [(line["method"], line["path"], line["status"]) for line in told] == [
        ("POST", "/api/auth/register", 201),
        ("POST", "/api/auth/login", 200),
        ("POST", "/api/generate", 201),
        ("POST", "/api/generate", 422),
        ("GET", "/api/files/{key:path}", 403),
    ]
    assert all(line["event"] == "request" and line["ms"] >= 0 and line["request_id"] for line in told)
    for secret in ("secret", alice.token, login.json()["access_token"], "someone@example.org", job_id):
        assert secret not in printed.out + printed.err


async def test_uvicorn_speaks_json_too(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure()  # once more: the handler keeps the stream it was made with
    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n")
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "host", "/api/ws?token=x")
    logging.getLogger("uvicorn.access").info("GET /api/files/a?signature=x")
    assert [line["event"] for line in lines(capsys.readouterr().out)] == ["Started"]
