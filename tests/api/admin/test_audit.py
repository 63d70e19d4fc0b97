"""The audit log: every action of the accounts has its entry, in the transaction of the action."""

import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pyotp
import pytest
from sqlalchemy import text

from api.auth import second_factor
from api.auth.cookies import REFRESH
from api.dependencies import Gateway
from db import audit, users
from db.tables import Role
from tests.api.accounts import PASSWORD, bearer, login, refresh
from tests.api.conftest import ApiUser

NEW_PASSWORD = "another horse and its battery"


@pytest.fixture
async def admin(gateway: Gateway, alice: ApiUser) -> ApiUser:
    async with gateway.sessions.begin() as session:
        await users.set_role(session, alice.id, Role.ADMIN)
    return alice


async def entries(admin: ApiUser, query: str = "") -> list[dict[str, Any]]:
    """The oldest first."""
    response = await admin.get(f"/api/admin/audit?limit=100{query}")
    assert response.status_code == 200, response.text
    return list(reversed(response.json()["data"]))


@pytest.fixture
async def owner(client: httpx.AsyncClient, account: dict[str, str]) -> ApiUser:
    signed_in = await login(client, account)
    me = (await client.get("/api/me", headers=bearer(signed_in))).json()
    return ApiUser(UUID(me["id"]), UUID(me["id"]), signed_in.json()["access_token"], client)


async def test_registration_and_sign_in(admin: ApiUser, owner: ApiUser, account: dict[str, str]) -> None:
    await login(owner.http, account, password="not the password")
    await login(owner.http, {"email": "nobody@example.org", "password": PASSWORD})
    registered, signed_in, refused, unknown = await entries(admin)
    assert [entry["action"] for entry in (registered, signed_in, refused, unknown)] == [
        "registered", "sign_in", "sign_in_refused", "sign_in_refused",
    ]  # fmt: skip
    assert registered["actor_id"] == registered["target_id"] == str(owner.id)
    assert (signed_in["target_type"], signed_in["address"]) == ("session", "127.0.0.1")
    assert signed_in["details"] == {"method": "password", "second_factor": False}
    assert (refused["actor_id"], refused["target_type"], refused["target_id"]) == (None, "user", str(owner.id))
    assert (unknown["actor_id"], unknown["target_id"]) == (None, None)
    assert refused["details"] == unknown["details"] == {"reason": "wrong credentials"}


async def log_out(owner: ApiUser) -> None:
    await owner.http.post("/api/auth/logout")


async def log_out_elsewhere(owner: ApiUser) -> None:
    sessions = (await owner.get("/api/me/sessions")).json()["data"]
    await owner.request("DELETE", f"/api/me/sessions/{sessions[0]['id']}")


async def log_out_everywhere(owner: ApiUser) -> None:
    await owner.request("DELETE", "/api/me/sessions")


async def change_password(owner: ApiUser) -> None:
    await owner.post("/api/me/password", json={"current_password": PASSWORD, "new_password": NEW_PASSWORD})


async def wrong_confirmation(owner: ApiUser) -> None:
    await owner.request("DELETE", "/api/me", json={"password": "not the password"})


async def change_email(owner: ApiUser) -> None:
    await owner.post("/api/me/email", json={"password": PASSWORD, "email": "new@example.org"})


async def enable_second_factor(owner: ApiUser) -> None:
    new = await owner.post("/api/me/second-factor", json={"password": PASSWORD})
    earlier = pyotp.TOTP(new.json()["secret"]).at(time.time() - second_factor.STEP_SECONDS)
    await owner.post("/api/me/second-factor/confirm", json={"code": earlier})


async def remove_second_factor(owner: ApiUser) -> None:
    await owner.request("DELETE", "/api/me/second-factor", json={"password": PASSWORD})


async def export(owner: ApiUser) -> None:
    await owner.get("/api/me/export")


async def delete(owner: ApiUser) -> None:
    await owner.request("DELETE", "/api/me", json={"password": PASSWORD})


async def reuse_a_token(owner: ApiUser) -> None:
    stolen = owner.http.cookies[REFRESH]
    await refresh(owner.http, stolen)
    gateway: Gateway = owner.http._transport.app.state.gateway  # type: ignore[attr-defined]
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE sessions SET rotated_at = rotated_at - interval '1 minute'"))
    await refresh(owner.http, stolen)


async def forget_the_password(owner: ApiUser) -> None:
    email = (await owner.get("/api/me")).json()["email"]
    await owner.http.post("/api/auth/password/forgot", json={"email": email})


Step = Callable[[ApiUser], Awaitable[None]]
STEPS: list[tuple[Step, list[str], bool]] = [
    (log_out, ["sign_out"], True),
    (log_out_elsewhere, ["session_ended"], True),
    (log_out_everywhere, ["all_sessions_ended"], True),
    (change_password, ["password_changed"], True),
    (wrong_confirmation, ["sign_in_refused"], False),
    (change_email, ["email_change_requested", "email_changed"], True),
    (enable_second_factor, ["second_factor_enabled"], True),
    (remove_second_factor, ["second_factor_removed"], True),
    (export, ["account_exported"], True),
    (delete, ["account_deleted"], True),
    (reuse_a_token, ["refresh_token_reused"], False),
    (forget_the_password, ["password_reset_requested"], False),
]


@pytest.mark.parametrize(("step", "actions", "is_actor"), STEPS, ids=lambda value: getattr(value, "__name__", ""))
async def test_each_action_has_its_entries(
    admin: ApiUser, owner: ApiUser, account: dict[str, str], step: Step, actions: list[str], is_actor: bool
) -> None:
    before = len(await entries(admin))
    await step(owner)
    added = (await entries(admin))[before:]
    assert [entry["action"] for entry in added] == actions
    assert {entry["actor_id"] for entry in added} == {str(owner.id) if is_actor else None}
    assert {entry["address"] for entry in added} == {"127.0.0.1"}
    text_of_all = str(added)
    for secret in (PASSWORD, NEW_PASSWORD, account["email"], "new@example.org", owner.token):
        assert secret not in text_of_all


async def test_actions_of_administrators(admin: ApiUser, owner: ApiUser) -> None:
    before = len(await entries(admin))
    path = f"/api/admin/users/{owner.id}"
    for change in ({"role": "moderator"}, {"role": "moderator"}, {"disabled": True}, {"disabled": False}):
        await admin.request("PATCH", path, json=change)
    await admin.post("/api/admin/invitations", json={})
    added = (await entries(admin))[before:]
    assert [entry["action"] for entry in added] == [
        "role_changed", "account_disabled", "account_enabled", "invitation_created",
    ], "a role that does not change is no action"  # fmt: skip
    assert added[0]["details"] == {"from": "user", "to": "moderator"}
    assert {entry["actor_id"] for entry in added} == {str(admin.id)}
    assert {entry["target_id"] for entry in added[:3]} == {str(owner.id)}


async def test_an_action_whose_entry_cannot_be_written_does_not_happen(
    client: httpx.AsyncClient, owner: ApiUser, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as outage:
        outage.setattr(audit, "record", broken)
        assert (await owner.request("DELETE", "/api/me", json={"password": PASSWORD})).status_code == 503
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert (await owner.post("/api/me/password", json=body)).status_code == 503
        assert (await login(client, account)).status_code == 503
    assert (await login(client, account)).status_code == 200, "neither deleted nor changed"


async def test_pages_and_filters(admin: ApiUser, owner: ApiUser, account: dict[str, str]) -> None:
    for _ in range(3):
        await login(owner.http, account)
    first = (await admin.get("/api/admin/audit?limit=2")).json()
    assert (len(first["data"]), first["has_more"], first["first_id"]) == (2, True, first["data"][0]["id"])
    second = (await admin.get(f"/api/admin/audit?limit=100&after={first['last_id']}")).json()
    assert (second["has_more"], second["data"][-1]["action"]) == (False, "registered")
    ids = [entry["id"] for entry in first["data"] + second["data"]]
    assert ids == sorted(ids, reverse=True)
    assert {entry["action"] for entry in await entries(admin, "&action=sign_in")} == {"sign_in"}
    assert len(await entries(admin, f"&actor_id={owner.id}&action=sign_in")) == 4
    assert await entries(admin, f"&actor_id={uuid4()}") == []


async def test_only_administrators_read_it_and_it_cannot_be_changed(
    admin: ApiUser, bob: ApiUser, gateway: Gateway
) -> None:
    for role in (Role.USER, Role.MODERATOR):
        async with gateway.sessions.begin() as session:
            await users.set_role(session, bob.id, role)
        assert (await bob.get("/api/admin/audit")).status_code == 403
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert (await admin.request(method, "/api/admin/audit", json={})).status_code == 405
