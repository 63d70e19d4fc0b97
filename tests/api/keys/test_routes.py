"""The routes of API keys: making, listing, revoking and exporting them."""

import asyncio
import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.dependencies import Gateway
from api.keys import routes
from db import users
from db.tables import Role
from tests.api.conftest import ApiUser
from tests.api.keys.conftest import MakeKey, key_of, rows


async def test_a_key_is_shown_once_and_only_its_hash_is_stored(alice: ApiUser, gateway: Gateway) -> None:
    body = {"name": "render farm", "scopes": ["jobs:write", "jobs:read"], "expires_in_days": 90}
    response = await alice.post("/api/keys", json=body)
    assert response.status_code == 201
    created = response.json()
    assert {"id", "key", "prefix", "scopes", "expires_at"} <= created.keys()
    assert created["key"].startswith(created["prefix"])
    assert len(created["prefix"]) == 12
    expires = datetime.fromisoformat(created["expires_at"])
    assert abs(expires - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=1)
    (listed,) = (await alice.get("/api/keys")).json()["data"]
    assert listed == {name: value for name, value in created.items() if name != "key"}
    (row,) = await rows(gateway, "SELECT * FROM api_keys")
    assert row["key_hash"] == hashlib.sha256(created["key"].encode()).hexdigest()
    assert created["key"] not in str(dict(row))


async def test_the_owner_receives_a_mail(alice: ApiUser, gateway: Gateway) -> None:
    """With a stolen session, an attacker could make a key that outlives it."""
    key = await key_of(alice, "jobs:read")
    (mail,) = await rows(gateway, "SELECT subject, body FROM mails")
    assert mail["subject"] == "An API key was made"
    assert "a program" in mail["body"]
    assert key.token not in mail["body"]


async def test_creation_and_revocation_are_audited(alice: ApiUser, gateway: Gateway) -> None:
    key = await key_of(alice, "jobs:read")
    assert (await alice.request("DELETE", f"/api/keys/{key.session_id}")).status_code == 204
    entries = await rows(gateway, "SELECT * FROM audit_log WHERE actor_id = :id ORDER BY id", id=alice.id)
    assert [entry["action"] for entry in entries] == ["key_created", "key_revoked"]
    for entry in entries:
        assert (entry["target_type"], str(entry["target_id"])) == ("key", key.session_id)
        assert key.token not in str(dict(entry))


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""}, {"name": " \u200b"}, {"name": "x" * 101}, {"name": 1}, {"scopes": []}, {"scopes": ["everything"]},
        {"scopes": ["jobs:read", "jobs:read"]}, {"scopes": "jobs:read"}, {"expires_in_days": 0},
        {"expires_in_days": 3651}, {"expires_in_days": "7"}, {"expires_in_days": 1.5}, {"key": "mine"},
    ],
)  # fmt: skip
async def test_an_invalid_key_is_refused(alice: ApiUser, changed: dict[str, Any]) -> None:
    response = await alice.post("/api/keys", json={"name": "x", "scopes": ["jobs:read"]} | changed)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_the_scope_admin_needs_a_role(alice: ApiUser, gateway: Gateway) -> None:
    body = {"name": "x", "scopes": ["admin"]}
    refused = await alice.post("/api/keys", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_required")
    async with gateway.sessions.begin() as session:
        await users.set_role(session, alice.id, Role.ADMIN)
    key = await key_of(alice, "admin")
    assert (await key.get("/api/admin/users")).status_code == 200
    other = await key_of(alice, "jobs:read")
    assert (await other.get("/api/admin/users")).json()["code"] == "scope_required"
    async with gateway.sessions.begin() as session:
        await users.set_role(session, alice.id, Role.USER)
    assert (await key.get("/api/admin/users")).json()["code"] == "role_required"


async def test_the_number_of_keys_is_bounded(alice: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "KEYS_PER_USER", 3)
    body = {"name": "x", "scopes": ["jobs:read"]}
    answers = await asyncio.gather(*(alice.post("/api/keys", json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"too_many_keys"}
    first = next(answer.json()["id"] for answer in answers if answer.status_code == 201)
    assert (await alice.request("DELETE", f"/api/keys/{first}")).status_code == 204
    assert (await alice.post("/api/keys", json=body)).status_code == 201


async def test_the_list_has_pages(alice: ApiUser, bob: ApiUser, make_key: MakeKey) -> None:
    await key_of(bob, "jobs:read")
    ids = [str((await make_key("jobs:read")).session_id) for _ in range(3)][::-1]
    first = (await alice.get("/api/keys?limit=2")).json()
    assert ([key["id"] for key in first["data"]], first["has_more"]) == (ids[:2], True)
    second = (await alice.get(f"/api/keys?limit=2&after={first['last_id']}")).json()
    assert ([key["id"] for key in second["data"]], second["has_more"]) == (ids[2:], False)
    oldest = (await alice.get("/api/keys?limit=2&order=asc")).json()
    assert [key["id"] for key in oldest["data"]] == ids[:0:-1]
    last = (await alice.get(f"/api/keys?order=asc&after={oldest['last_id']}")).json()
    assert [key["id"] for key in last["data"]] == ids[:1]


async def test_keys_are_exported_without_their_hash(alice: ApiUser, make_key: MakeKey) -> None:
    await make_key("jobs:read")
    exported = await alice.get("/api/me/export")
    with zipfile.ZipFile(io.BytesIO(exported.content)) as archive:
        (key,) = json.loads(archive.read("account.json"))["api_keys"]
    assert key["scopes"] == ["jobs:read"]
    assert "key_hash" not in key
