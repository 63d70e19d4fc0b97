"""Every operation of the OpenAPI document, as every kind of caller: the outcomes of `operations.py`, and no leaks."""

# ruff: noqa: F811  (fixtures are imported by name: those of this folder are for a gateway process)

import json
import re
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from api.auth.api_keys import SHOWN_CHARS, key_hash, new_key
from api.auth.dependencies import Auth
from api.auth.passwords import HASHER
from api.auth.tokens import new_token, token_hash
from api.dependencies import Gateway
from api.settings import Settings
from db import api_keys, passkeys, refresh_tokens, shares, users, webhooks
from db.passkeys import NewPasskey
from db.tables import Role, Scope, WebhookEvent
from tests.api.conftest import (  # noqa: F401  (fixtures)
    ApiUser,
    Worker,
    app,
    auth,
    client,
    gateway,
    make_settings,
    worker,
)
from tests.api.public_videos import make_video
from tests.security.operations import CALLERS, OPERATIONS, PASSWORD, Operation

SCOPES = [scope for scope in Scope if scope is not Scope.ADMIN]
PASSWORD_HASH = HASHER.hash(PASSWORD)
# What only the owner may change.
TABLES = (
    "users",
    "jobs",
    "videos",
    "shares",
    "passkeys",
    "api_keys",
    "login_sessions",
    "webhooks",
    "webhook_deliveries",
)

# The order of successful calls: the callers that may change the owner's objects come last.
SUCCESSES = ("visitor", "other", "other_key", "moderator", "admin", "key", "owner")
REPEATS = {"admin": "moderator", "owner": "key"}


@pytest.fixture
def settings(database_url: str, tmp_path: Any) -> Settings:
    """As elsewhere, with a PUBLIC_URL on which browsers offer passkeys."""
    return make_settings(database_url, tmp_path).model_copy(update={"public_url": "https://gateway.test"})


@dataclass
class World:
    """Callers by name, and what the owner has: its ids for paths and bodies, and its strings that must not leak."""

    gateway: Gateway
    callers: dict[str, ApiUser]
    ids: dict[str, str]
    markers: dict[str, str]

    async def call(self, name: str, operation: Operation, key: str) -> httpx.Response:
        method, _, path = key.partition(" ")
        arguments: dict[str, Any] = {}
        if operation.body is not None:
            arguments["json"] = json.loads(self.fill(json.dumps(operation.body)))
        caller = self.callers[name]
        caller.http.cookies.clear()
        if name == "visitor":
            return await caller.http.request(method, self.fill(path) + operation.query, **arguments)
        return await caller.request(method, self.fill(path) + operation.query, **arguments)

    def fill(self, value: str) -> str:
        values = self.ids | {"fresh": uuid4().hex}
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], value)

    async def state(self) -> list[str]:
        """The owner's rows."""
        found = []
        async with self.gateway.sessions() as session:
            for table in TABLES:
                rows = await session.execute(text(f"SELECT {table}::text FROM {table}"))
                found += [
                    f"{table} {row[0]}"
                    for row in rows
                    if self.ids["user_id"] in row[0] or table in ("shares", "webhook_deliveries")
                ]
        return sorted(found)


async def new_user(world_client: httpx.AsyncClient, gateway: Gateway, auth: Auth, role: Role, **values: str) -> ApiUser:
    async with gateway.sessions.begin() as session:
        user = await users.create(
            session, password_hash=PASSWORD_HASH, role=role, **{"email": f"{uuid4().hex}@example.org", **values}
        )
        row = await refresh_tokens.create_family(
            session, user_id=user.id, refresh_hash=token_hash(new_token()), lifetime_seconds=60, **agent_of(values)
        )
    return ApiUser(user.id, row.family_id, auth.tokens.issue(user.id, row.family_id), world_client)


def agent_of(values: dict[str, str]) -> dict[str, str]:
    return {"user_agent": f"agent of {values['display_name']}"} if "display_name" in values else {}


async def with_key(gateway: Gateway, user: ApiUser, name: str) -> ApiUser:
    key = new_key()
    async with gateway.sessions.begin() as session:
        row = await api_keys.create(
            session,
            user_id=user.id,
            name=name,
            prefix=key[:SHOWN_CHARS],
            key_hash=key_hash(key),
            scopes=SCOPES,
            lifetime_days=None,
            keys_per_user=9,
        )
    return replace(user, token=key, session_id=row.id)


async def add_objects(gateway: Gateway, worker: Worker, owner: ApiUser, mark: str) -> tuple[dict[str, object], str]:
    """What the owner has besides the account: ids by name, and the token of a share link."""
    video_id = await make_video(worker, owner, title=f"title-{mark}", tags=[f"tag-{mark}"], prompt=f"prompt-{mark}")
    token = new_token()[:22]
    async with gateway.sessions.begin() as session:
        share = await shares.create(
            session, video_id=video_id, owner_id=owner.id, token_hash=token_hash(token), password_hash=None,
            show_prompt=False, days=None,
        )  # fmt: skip
        new = NewPasskey(mark.encode(), b"key", 0, [], False, f"passkey-{mark}")
        passkey = await passkeys.add(session, owner.id, new)
        webhook = await webhooks.create(
            session, owner_id=owner.id, url=f"https://hooks.example.org/{mark}", events=[WebhookEvent.JOB_FAILED],
            description="", secret="x", webhooks_per_user=9,
        )  # fmt: skip
        delivery = await webhooks.add_test(session, webhook)
        # Nothing is due: a gateway of another test may still run, and would send it.
        await session.execute(
            text("UPDATE webhook_deliveries SET state = 'failed' WHERE id = :id"), {"id": delivery.id}
        )
        await session.execute(text("UPDATE webhooks SET due_at = NULL WHERE id = :id"), {"id": webhook.id})
        job_id = await session.scalar(text("SELECT job_id FROM videos WHERE id = :id"), {"id": video_id})
        await session.execute(
            text("UPDATE jobs SET spec = jsonb_set(spec, '{prompt}', :prompt) WHERE id = :id"),
            {"prompt": json.dumps(f"prompt-{mark}"), "id": job_id},
        )
    assert share is not None
    assert passkey is not None
    ids = {"webhook_id": webhook.id, "delivery_id": delivery.id}
    return {**ids, "job_id": job_id, "video_id": video_id, "share_id": share.id, "passkey_id": passkey.id}, token


@pytest.fixture
def make_world(gateway: Gateway, auth: Auth, client: httpx.AsyncClient, worker: Worker) -> Any:
    strangers: dict[str, ApiUser] = {}

    async def add_strangers() -> None:
        for name, role in (("other", Role.USER), ("moderator", Role.MODERATOR), ("admin", Role.ADMIN)):
            strangers[name] = await new_user(client, gateway, auth, role)
        strangers["other_key"] = await with_key(gateway, strangers["other"], "another key")

    async def make() -> World:
        if not strangers:
            await add_strangers()
        mark = uuid4().hex
        async with gateway.sessions.begin() as session:  # of callers of the world before; the worker would claim them
            await session.execute(text("DELETE FROM jobs WHERE status = 'queued'"))
        owner = await new_user(
            client, gateway, auth, Role.USER, email=f"owner-{mark}@example.org", display_name=f"name-{mark}"
        )
        key = await with_key(gateway, owner, f"key-{mark}")
        ids, token = await add_objects(gateway, worker, owner, mark)
        ids |= {"user_id": owner.id, "key_id": key.session_id, "session_id": owner.session_id}
        named = {name: str(value) for name, value in ids.items()}
        markers = named | {
            "prompt": f"prompt-{mark}", "title": f"title-{mark}", "tag": f"tag-{mark}", "token": token,
            "email": f"owner-{mark}@example.org", "name": f"name-{mark}", "key_name": f"key-{mark}",
            "passkey_name": f"passkey-{mark}", "agent": f"agent of name-{mark}",
            "webhook_url": f"https://hooks.example.org/{mark}",
        }  # fmt: skip
        paths = {"token": token, "email": markers["email"], "key": "jobs/x/1/video.mp4", "model": "tiny"}
        callers = {"owner": owner, "visitor": owner, "key": key, **strangers}
        return World(gateway, callers, named | paths | {"credential_id": "eA"}, markers)

    return make


def operations_of(document: dict[str, Any]) -> set[str]:
    found = set()
    for path, methods in document["paths"].items():
        # The videos of OpenAI's clients are named by the id of their job.
        shown = path.replace("{video_id}", "{job_id}") if path.startswith("/v1/") else path
        found |= {f"{method.upper()} {shown}" for method in methods}
    return found


async def test_every_operation_has_an_expectation(client: httpx.AsyncClient) -> None:
    document = (await client.get("/api/openapi.json")).json()
    assert operations_of(document) == OPERATIONS.keys(), "add a line to tests/security/operations.py"


def leaks(world: World, operation: Operation, response: httpx.Response) -> list[str]:
    allowed = operation.shows if response.status_code < 400 else frozenset()
    seen = response.text + str(response.headers)
    return [name for name, value in world.markers.items() if value in seen and name not in allowed]


@pytest.mark.parametrize("key", OPERATIONS)
async def test_the_outcome_for_every_caller(key: str, make_world: Any) -> None:
    operation = OPERATIONS[key]
    expected = dict(zip(CALLERS, operation.answers, strict=True))
    shared: World = await make_world()
    before = await shared.state()
    for name in (name for name in CALLERS if expected[name] != "ok"):
        response = await shared.call(name, operation, key)
        assert response.status_code == int(expected[name]), (name, response.text)
        if name not in ("owner", "key"):
            assert not leaks(shared, operation, response), name
    if expected["owner"] == "ok":
        assert await shared.state() == before, "a refused request has changed something of the owner"
    world = shared
    for name in (name for name in SUCCESSES if expected[name] == "ok"):
        # The one before has changed what this one needs.
        if not key.startswith("GET") and expected.get(REPEATS.get(name, "")) == "ok":
            world = await make_world()
        response = await world.call(name, operation, key)
        assert 200 <= response.status_code < 400, (name, response.status_code, response.text)
        if name not in ("owner", "key"):
            assert not leaks(world, operation, response), name


async def test_the_leaks_are_recognized(make_world: Any) -> None:
    """Otherwise the tests above would prove nothing: the owner's own answers have the markers."""
    world: World = await make_world()
    seen = ""
    for key in (
        "GET /api/me", "GET /api/me/sessions", "GET /api/me/passkeys", "GET /api/keys", "GET /api/videos",
        "GET /api/videos/{video_id}/shares", "GET /api/status/{job_id}", "GET /api/webhooks",
        "GET /api/webhooks/{webhook_id}/deliveries",
    ):  # fmt: skip
        seen += (await world.call("owner", OPERATIONS[key], key)).text
    hidden = {"token"}
    assert {name for name, value in world.markers.items() if value in seen} == world.markers.keys() - hidden
