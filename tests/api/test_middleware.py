"""Request ids, response headers, the access log, and the limit on request bodies."""

import asyncio
import json
import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.middleware import MAX_LOGGED_CHARS, SECURITY_HEADERS, RequestLog
from api.settings import Settings
from db import logs
from tests.api.conftest import ApiUser, Server
from tests.api.server.raw import Raw, handshake

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
    account = {"email": "someone@example.org", "password": "the secret password of someone"}
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


async def test_the_log_names_the_user(alice: ApiUser, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    await alice.get("/api/me")
    await alice.get("/api/me", headers={"Authorization": "Bearer forged"})
    assert [line["user_id"] for line in log_lines(capsys.readouterr().out)] == [str(alice.id), None]


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER   "])
async def test_the_scheme_of_the_token_may_be_written_in_any_way(
    alice: ApiUser, capsys: pytest.CaptureFixture[str], scheme: str
) -> None:
    capsys.readouterr()
    await alice.get("/api/me", headers={"Authorization": scheme + alice.token})
    assert [line["user_id"] for line in log_lines(capsys.readouterr().out)] == [str(alice.id)]


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8000",
        "127.0.0.1",
        "127.0.0.1:8000",
        "192.0.2.1",
        "[::1]:8000",
        "[2001:db8::1]",
        "gateway.test",
        "Gateway.Test:1234",
        "gateway.test.",
        "aura.example",
    ],
)
async def test_the_gateway_answers_to_its_own_names_and_to_addresses(settings: Settings, host: str) -> None:
    app = create_app(settings.model_copy(update={"public_url": "https://Aura.example:8443/path"}))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers={"Host": host}) as client:
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "gateway.test.attacker.example",
        "localhost.attacker.example",
        "127.0.0.1.attacker.example",
        "gateway",
        "[attacker.example]",
        "attacker.example:8000",
        "xn--gateway",
        "0x7f.1",
        "localhost@attacker.example",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/healthz"), ("POST", "/api/auth/login"), ("GET", "/nothing")])
async def test_names_of_others_are_refused(client: httpx.AsyncClient, host: str, method: str, path: str) -> None:
    """Otherwise the page of a name that resolves to this gateway could sign in."""
    response = await client.request(method, path, headers={"Host": host, "Origin": f"http://{host}"})
    assert (response.status_code, response.json()["code"]) == (421, "host_refused")
    assert response.headers["x-request-id"]


async def test_any_name_can_be_allowed(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"allowed_hosts": ("*",)}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://any.example") as client:
        assert (await client.get("/healthz")).status_code == 200


async def test_a_websocket_to_a_name_of_another_is_refused(server: Server) -> None:
    with Raw(server.port) as client:
        client.send(handshake().replace(b"Host: localhost", b"Host: attacker.example"))
        response = client.response()
        assert (response.status, response.json()["code"]) == (421, "host_refused")


@pytest.mark.parametrize("origin", ["http://[x", "http://[::1", "null", "", "http://:x", "//", "http://a:99999999"])
async def test_a_malformed_origin_is_refused(client: httpx.AsyncClient, origin: str) -> None:
    response = await client.post("/api/auth/logout", headers={"Origin": origin})
    assert (response.status_code, response.json()["code"]) == (403, "origin_refused")


@pytest.mark.parametrize("path", ["/api%2fme", "/api%2Fme", "/api%5cme", "/api/me%00", "/api/files/a%2f..%2fb"])
async def test_a_path_has_one_spelling(alice: ApiUser, path: str) -> None:
    response = await alice.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["/api/me/", "/healthz/", "/api//me", "//attacker.example/api/me/"])
async def test_no_path_is_redirected(alice: ApiUser, path: str) -> None:
    response = await alice.get(path)
    assert response.status_code == 404
    assert "location" not in response.headers


async def test_a_large_body_is_refused_by_its_declared_length(alice: ApiUser) -> None:
    async def unsent() -> Any:
        raise AssertionError("the body was requested")
        yield b""

    headers = {"Content-Type": "application/json", "Content-Length": "65537"}
    response = await alice.post("/api/generate", content=unsent(), headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    assert "65536" in response.json()["detail"]


async def test_a_slow_body_holds_no_slot(app: FastAPI, alice: ApiUser) -> None:
    """More slow bodies than slots, and a request that is served at once."""
    release = asyncio.Event()

    async def slow() -> Any:
        yield b"{"
        await release.wait()
        yield b"}"

    async def submit() -> httpx.Response:
        return await alice.post("/api/generate", content=slow(), headers={"Content-Type": "application/json"})

    submissions = [asyncio.create_task(submit()) for _ in range(10)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(5):
        assert (await alice.get("/api/me")).status_code == 200
    release.set()
    assert {response.status_code for response in await asyncio.gather(*submissions)} == {422}
