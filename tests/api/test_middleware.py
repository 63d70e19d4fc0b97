"""Request ids, response headers, the access log, and the limit on request bodies."""

import json
import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.middleware import MAX_LOGGED_CHARS, SECURITY_HEADERS, RequestLog
from db import logs
from tests.api.conftest import ApiUser

DETAILED = "first line\nDETAIL: the prompt"


def log_lines(captured: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in captured.splitlines() if line.startswith("{")]


@pytest.fixture
def broken(app: FastAPI, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a gateway whose route /broken raises an unexpected error."""

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError(DETAILED)

    return client


@pytest.mark.parametrize(
    ("request_id", "accepted"), [("abc-1.2_3", True), ("", False), ("x" * 65, False), ("a b", False), ('a"b', False)]
)
async def test_a_well_formed_request_id_is_accepted(client: httpx.AsyncClient, request_id: str, accepted: bool) -> None:
    response = await client.get("/healthz", headers={"X-Request-ID": request_id})
    assert (response.headers["x-request-id"] == request_id) is accepted
    assert len(response.headers["x-request-id"]) >= 9


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/broken", "/api/me"])
async def test_every_response_has_the_headers(broken: httpx.AsyncClient, path: str) -> None:
    headers = (await broken.get(path)).headers
    for name, value in SECURITY_HEADERS.items():
        assert headers[name] == value
    assert headers["x-request-id"]


async def test_an_unexpected_error_is_logged_and_not_shown(
    broken: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    response = await broken.get("/broken", headers={"X-Request-ID": "the-bug"})
    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert response.json()["request_id"] == "the-bug"
    assert "first line" not in response.text
    (line,) = log_lines(capsys.readouterr().out)
    assert (line["path"], line["level"], line["status"], line["request_id"]) == ("/broken", "error", 500, "the-bug")
    assert "in broken" in line["exception"]
    assert "ValueError: first line" in line["exception"]
    assert "the prompt" not in line["exception"]


async def test_the_log_has_one_line_per_request_without_secrets(
    alice: ApiUser, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    account = {"email": "someone@example.org", "password": "secret password"}
    await alice.post("/api/auth/register", json=account)
    login = await alice.post("/api/auth/login", json=account, headers={"Authorization": ""})
    job_id = await alice.generate(prompt="a secret prompt")
    await alice.post("/api/generate", json={"prompt": "a secret prompt", "width": 1})
    await alice.get("/api/files/a?signature=secretsignature&expires=1")
    printed = capsys.readouterr()
    lines = log_lines(printed.out)
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/api/auth/register", 201),
        ("POST", "/api/auth/login", 200),
        ("POST", "/api/generate", 201),
        ("POST", "/api/generate", 422),
        ("GET", "/api/files/{key:path}", 403),
    ]
    assert all(line["event"] == "request" and line["ms"] >= 0 and line["request_id"] for line in lines)
    for secret in ("secret", alice.token, login.json()["access_token"], "someone@example.org", job_id):
        assert secret not in printed.out + printed.err


@pytest.mark.parametrize("path", ["/" + "a" * 60_000, "/" + "é" * 10_000, "/api/files/" + "a" * 60_000])
async def test_the_log_line_of_a_long_path_is_bounded(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    capsys.readouterr()
    assert (await client.get(path)).status_code in (403, 404)
    (line,) = capsys.readouterr().out.splitlines()
    assert len(line) < 2000
    assert json.loads(line)["path"] in (path[:MAX_LOGGED_CHARS], "/api/files/{key:path}")


async def test_the_log_line_of_a_long_method_and_client_is_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """The host of a client is any text that a trusted proxy forwards."""

    async def app(*_: object) -> None:
        pass

    scope = {"type": "http", "method": "G" * 60_000, "path": "/", "headers": [], "client": ("h" * 60_000, 1)}
    logs.configure()
    await RequestLog(app)(scope, None, None)  # type: ignore[arg-type]
    (line,) = capsys.readouterr().out.splitlines()
    assert len(line) < 1000


async def test_a_body_without_content_length_is_limited_too(alice: ApiUser) -> None:
    async def chunks() -> Any:
        for _ in range(70):
            yield b" " * 1024

    response = await alice.post("/api/generate", content=chunks(), headers={"Content-Type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


async def test_uvicorn_logs_in_the_same_format(app: FastAPI, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_uvicorn()  # again, because the handler keeps the stream that it was created with
    logging.getLogger("uvicorn.error").info("Started")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n")
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "host", "/api/ws?token=x")
    logging.getLogger("uvicorn.access").info("GET /api/files/a?signature=x")
    assert [line["event"] for line in log_lines(capsys.readouterr().out)] == ["Started"]
