"""Every error is a problem with a code and the request id, and rolls back the transaction."""

import errno
from uuid import uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from api.dependencies import Gateway, Transaction
from api.problems import NotFound
from db.errors import StorageUnavailable
from tests.api.conftest import SPEC, ApiUser


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
async def test_errors_of_the_framework_are_problems(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["title"]


async def test_method_not_allowed_has_the_allow_header(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/generate")).headers["allow"] == "POST"


async def test_the_allow_header_names_the_methods_of_all_routes_of_the_path(client: httpx.AsyncClient) -> None:
    response = await client.put("/api/me")
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET, PATCH")
    response = await client.put(f"/api/me/passkeys/{uuid4()}")
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, PATCH")


@pytest.mark.parametrize("body", [b'{"email": "\xff"}', b"[" * 60_000], ids=["not UTF-8", "nested too deeply"])
async def test_a_body_that_cannot_be_parsed_is_invalid_json(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    response = await client.post("/api/auth/password/forgot", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "invalid_json")


async def test_a_literal_path_is_not_taken_for_an_id(client: httpx.AsyncClient) -> None:
    response = await client.patch("/api/me/passkeys/options", json={})
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.fixture
def broken(app: FastAPI, client: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client of a gateway with two routes that write a row and then raise."""

    @app.post("/bug")
    async def bug(session: Transaction) -> None:
        await session.execute(text("INSERT INTO stage_rates VALUES ('s', 'm', 1)"))
        raise ValueError

    @app.post("/refused")
    async def refused(session: Transaction) -> None:
        await session.execute(text("INSERT INTO stage_rates VALUES ('s', 'm', 1)"))
        raise NotFound

    return client


@pytest.mark.parametrize(("path", "status"), [("/bug", 500), ("/refused", 404)])
async def test_an_error_rolls_the_transaction_back(
    broken: httpx.AsyncClient, gateway: Gateway, path: str, status: int
) -> None:
    assert (await broken.post(path)).status_code == status
    async with gateway.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM stage_rates")) == 0


async def test_the_transaction_is_committed_before_the_response(alice: ApiUser) -> None:
    """A commit that fails must not be answered with 201."""

    def connection_lost(_: Session) -> None:
        raise ConnectionResetError

    event.listen(Session, "before_commit", connection_lost)
    try:
        response = await alice.post("/api/generate", json=SPEC)
    finally:
        event.remove(Session, "before_commit", connection_lost)
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


class DriverError(Exception):
    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DBAPIError("", {}, DriverError("57P03")), 503),  # cannot_connect_now
        (DBAPIError("", {}, DriverError("53300")), 503),  # too_many_connections
        (DBAPIError("", {}, DriverError("55P03")), 503),  # lock_not_available
        (DBAPIError("", {}, DriverError("40P01")), 503),  # deadlock_detected
        (DBAPIError("", {}, Exception(), connection_invalidated=True), 503),
        (OperationalError("", {}, Exception()), 503),
        (PoolTimeout(), 503),
        (asyncpg.CannotConnectNowError(), 503),
        (asyncpg.InterfaceError("closed"), 503),
        (ConnectionRefusedError(), 503),
        (TimeoutError(), 503),
        (StorageUnavailable(), 503),
        (DBAPIError("", {}, DriverError("23514")), 500),  # check_violation
        (ProgrammingError("", {}, DriverError("42601")), 500),  # syntax_error
        (asyncpg.PostgresSyntaxError(), 500),
        (OSError("Multiple exceptions: refused, refused"), 503),
        (OSError(errno.EHOSTUNREACH, "no route"), 503),
        (FileNotFoundError(errno.ENOENT, "no file"), 500),
    ],
)
async def test_an_unreachable_database_is_service_unavailable(
    app: FastAPI, client: httpx.AsyncClient, error: Exception, status: int
) -> None:
    @app.get("/database")
    async def database() -> None:
        raise error

    response = await client.get("/database")
    assert response.status_code == status
    assert ("retry-after" in response.headers) is (status == 503)


BODY = b'{"prompt": "a"}'


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        ("text/json", BODY, 415),
        ("text/plain", BODY, 415),
        ("application/jsonp", BODY, 415),
        ("application/x-www-form-urlencoded", BODY, 415),
        ("json", BODY, 415),
        ("", BODY, 415),
        (None, BODY, 415),
        ("text/plain", b"", 415),
        (None, b"", 422),
        ("application/json", b"", 422),
        ("application/json", b"{", 400),
        ("application/json; charset=utf-8", BODY, 201),
        ("Application/JSON", BODY, 201),
        ("application/vnd.aura+json", BODY, 201),
    ],
)
async def test_the_type_of_a_body(alice: ApiUser, content_type: str | None, content: bytes, status: int) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    response = await alice.post("/api/generate", content=content, headers=headers)
    assert response.status_code == status, response.text
