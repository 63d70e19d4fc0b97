"""The list of sessions, and their end."""

from uuid import uuid4

import httpx

from api.auth.cookies import REFRESH
from tests.api.accounts import bearer, login, refresh
from tests.api.conftest import ApiUser


async def test_the_sessions_of_an_account(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    client.headers["User-Agent"] = "browser " + "x" * 300
    first = await login(client, account)
    client.headers["User-Agent"] = "program"
    second = await login(client, account)
    listed = (await client.get("/api/me/sessions", headers=bearer(second))).json()["data"]
    assert [(one["user_agent"][:8], one["current"]) for one in listed] == [("program", True), ("browser ", False)]
    assert len(listed[1]["user_agent"]) == 200
    assert "hash" not in str(listed)
    ended = await client.delete(f"/api/me/sessions/{listed[1]['id']}", headers=bearer(second))
    assert ended.status_code == 204
    assert (await client.get("/api/me", headers=bearer(first))).status_code == 401
    assert (await refresh(client, first.cookies[REFRESH])).status_code == 401
    assert (await client.get("/api/me", headers=bearer(second))).status_code == 200
    assert len((await client.get("/api/me/sessions", headers=bearer(second))).json()["data"]) == 1


async def test_the_list_has_pages(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    headers = bearer(await login(client, account))
    for _ in range(2):
        await login(client, account)
    whole = (await client.get("/api/me/sessions", headers=headers)).json()
    ids = [one["id"] for one in whole["data"]]
    assert (len(ids), whole["has_more"], whole["first_id"], whole["last_id"]) == (3, False, ids[0], ids[2])
    first = (await client.get("/api/me/sessions?limit=2", headers=headers)).json()
    assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:2], True)
    second = (await client.get(f"/api/me/sessions?limit=2&after={first['last_id']}", headers=headers)).json()
    assert ([one["id"] for one in second["data"]], second["has_more"]) == (ids[2:], False)


async def test_signing_out_everywhere(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    responses = [await login(client, account) for _ in range(3)]
    assert (await client.delete("/api/me/sessions", headers=bearer(responses[0]))).status_code == 204
    for response in responses:
        assert (await client.get("/api/me", headers=bearer(response))).status_code == 401
        assert (await refresh(client, response.cookies[REFRESH])).status_code == 401


async def test_foreign_and_missing_sessions_are_indistinguishable(alice: ApiUser, bob: ApiUser) -> None:
    foreign = await bob.request("DELETE", f"/api/me/sessions/{alice.session_id}")
    missing = await bob.request("DELETE", f"/api/me/sessions/{uuid4()}")
    malformed = await bob.request("DELETE", "/api/me/sessions/x")
    assert foreign.status_code == missing.status_code == malformed.status_code == 404
    assert {**foreign.json(), "request_id": 0} == {**missing.json(), "request_id": 0}
    assert (await alice.get("/api/me")).status_code == 200


async def test_no_refresh_outlives_the_session(
    client: httpx.AsyncClient, account: dict[str, str], alice: ApiUser
) -> None:
    headers = bearer(await login(client, account))
    (one,) = (await client.get("/api/me/sessions", headers=headers)).json()["data"]
    for _ in range(3):
        await client.post("/api/auth/refresh")
    (same,) = (await client.get("/api/me/sessions", headers=headers)).json()["data"]
    assert (same["id"], same["expires_at"]) == (one["id"], one["expires_at"])
    assert same["last_used_at"] > one["last_used_at"]
