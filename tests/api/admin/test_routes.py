"""Roles, and what administrators may do."""

from uuid import uuid4

import httpx
import pytest

from api.dependencies import Gateway
from api.settings import Registration
from db import users
from db.tables import Role
from tests.api.accounts import PASSWORD
from tests.api.conftest import ApiUser

ROUTES = [("GET", "/api/admin/users"), ("PATCH", "/api/admin/users/{id}"), ("POST", "/api/admin/invitations")]


async def promote(gateway: Gateway, user: ApiUser, role: Role) -> ApiUser:
    async with gateway.sessions.begin() as session:
        await users.set_role(session, user.id, role)
    return user


@pytest.fixture
async def admin(gateway: Gateway, alice: ApiUser) -> ApiUser:
    return await promote(gateway, alice, Role.ADMIN)


@pytest.mark.parametrize("role", [Role.USER, Role.MODERATOR])
async def test_other_roles_are_refused(gateway: Gateway, alice: ApiUser, bob: ApiUser, role: Role) -> None:
    await promote(gateway, bob, role)
    for method, path in ROUTES:
        for target in (alice.id, bob.id, uuid4()):
            refused = await bob.request(method, path.format(id=target), json={"role": "admin"})
            assert (refused.status_code, refused.json()["code"]) == (403, "role_required")
    assert (await bob.get("/api/me")).json()["role"] == role


async def test_a_role_is_effective_at_once(gateway: Gateway, admin: ApiUser, bob: ApiUser) -> None:
    changed = await admin.request("PATCH", f"/api/admin/users/{bob.id}", json={"role": "admin"})
    assert (changed.status_code, changed.json()["role"]) == (200, "admin")
    assert (await bob.get("/api/admin/users")).status_code == 200
    await promote(gateway, bob, Role.USER)
    assert (await bob.get("/api/admin/users")).status_code == 403


async def test_a_disabled_account_is_signed_out_and_can_be_enabled_again(admin: ApiUser, bob: ApiUser) -> None:
    path = f"/api/admin/users/{bob.id}"
    assert (await admin.request("PATCH", path, json={"disabled": True})).json()["disabled_at"] is not None
    assert (await bob.get("/api/me")).status_code == 401
    assert (await admin.request("PATCH", path, json={"disabled": False})).json()["disabled_at"] is None
    assert (await bob.get("/api/me")).status_code == 401, "the session has ended for good"


@pytest.mark.parametrize("body", [{"role": "owner"}, {"disabled": "yes"}, {"email": "x@y.org"}])
async def test_other_changes_are_refused(admin: ApiUser, bob: ApiUser, body: dict[str, object]) -> None:
    assert (await admin.request("PATCH", f"/api/admin/users/{bob.id}", json=body)).status_code == 422


async def test_the_list_of_accounts_is_paginated(admin: ApiUser, bob: ApiUser) -> None:
    first = (await admin.get("/api/admin/users?limit=1")).json()
    assert (first["data"][0]["id"], first["has_more"]) == (str(bob.id), True)
    second = (await admin.get(f"/api/admin/users?limit=1&after={first['last_id']}")).json()
    assert (second["data"][0]["id"], second["has_more"]) == (str(admin.id), False)
    assert "password" not in str(second)
    assert (await admin.request("PATCH", f"/api/admin/users/{uuid4()}", json={})).status_code == 404


async def test_an_invitation_gives_its_role(
    client: httpx.AsyncClient, gateway: Gateway, admin: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "registration", Registration.INVITATION)
    made = await admin.post("/api/admin/invitations", json={"role": "moderator"})
    assert made.status_code == 201
    account = {"email": "new@example.org", "password": PASSWORD, "invitation": made.json()["invitation"]}
    assert (await client.post("/api/auth/register", json=account)).status_code == 201
    listed = (await admin.get("/api/admin/users")).json()["data"]
    assert {one["email"]: one["role"] for one in listed}["new@example.org"] == "moderator"
