"""What ends a session ends its requests at once, and its open streams within six seconds, on every gateway."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import httpx
import pytest
from sqlalchemy import text

from api.auth import revocation
from api.auth.cookies import REFRESH
from api.auth.dependencies import Auth
from api.dependencies import Gateway
from db import login_sessions
from tests.api.accounts import PASSWORD, bearer, login, refresh
from tests.api.conftest import ApiUser, Server
from tests.api.events.reader import eventually, open_reader

LIMIT_SECONDS = 6.0

End = Callable[[httpx.AsyncClient, Gateway, httpx.Response], Awaitable[object]]


async def log_out(client: httpx.AsyncClient, _: Gateway, signed_in: httpx.Response) -> object:
    cookie = {"Cookie": f"{REFRESH}={signed_in.cookies[REFRESH]}"}
    return await client.post("/api/auth/logout", headers=cookie)


async def end_everywhere(client: httpx.AsyncClient, _: Gateway, signed_in: httpx.Response) -> object:
    return await client.delete("/api/me/sessions", headers=bearer(signed_in))


async def ban(_: httpx.AsyncClient, gateway: Gateway, __: httpx.Response) -> object:
    async with gateway.sessions.begin() as session:
        return await session.execute(text("UPDATE users SET disabled_at = now()"))


async def change_password_elsewhere(client: httpx.AsyncClient, _: Gateway, __: httpx.Response) -> object:
    body = {"current_password": PASSWORD, "new_password": "another horse and its battery"}
    return await client.post("/api/me/password", json=body, headers={"Authorization": client.headers["x-elsewhere"]})


async def delete_account(client: httpx.AsyncClient, _: Gateway, signed_in: httpx.Response) -> object:
    return await client.request("DELETE", "/api/me", json={"password": PASSWORD}, headers=bearer(signed_in))


async def reuse_of_a_token(client: httpx.AsyncClient, gateway: Gateway, signed_in: httpx.Response) -> object:
    stolen = signed_in.cookies[REFRESH]
    await refresh(client, stolen)
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE sessions SET rotated_at = rotated_at - interval '1 minute'"))
    return await refresh(client, stolen)


ENDS: list[End] = [log_out, end_everywhere, ban, change_password_elsewhere, delete_account, reuse_of_a_token]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
async def test_the_streams_of_an_ended_session_end_on_another_gateway(
    server: Server, client: httpx.AsyncClient, gateway: Gateway, account: dict[str, str], end: End
) -> None:
    signed_in = await login(client, account)
    headers, token = bearer(signed_in), signed_in.json()["access_token"]
    client.headers["x-elsewhere"] = bearer(await login(client, account))["Authorization"]
    job = (await client.post("/api/generate", json={"prompt": "a red circle"}, headers=headers)).json()["job_id"]
    events = f"{server.http}/api/jobs/{job}/events"
    async with (
        httpx.AsyncClient() as http,
        http.stream("GET", events, headers=headers) as stream,
        open_reader(server, token) as reader,
    ):
        await reader.until("snapshot")
        chunks = stream.aiter_lines()
        async with asyncio.timeout(LIMIT_SECONDS):  # until the last event: another one would end the wait
            while await anext(chunks) != "event: queue.position":
                pass
        ended, response = time.monotonic(), await end(client, gateway, signed_in)
        assert getattr(response, "status_code", 204) in (204, 401)
        assert (await client.get("/api/me", headers=headers)).status_code == 401, "requests are refused at once"
        assert await reader.close_code(LIMIT_SECONDS) == 4401
        async with asyncio.timeout(LIMIT_SECONDS):
            assert [line async for line in chunks][-1:] in ([], [""])
        assert time.monotonic() - ended < LIMIT_SECONDS
        assert (await http.get(events, headers=headers)).status_code == 401
    async with open_reader(server) as reader:
        await reader.send(type="auth", token=token)
        assert await reader.close_code() == 4401
    assert await eventually(lambda: not server.app.state.auth.revocations._watches)


async def test_other_sessions_and_users_stay_connected(
    server: Server, gateway: Gateway, auth: Auth, alice: ApiUser, bob: ApiUser
) -> None:
    async with gateway.sessions.begin() as session:
        second = await login_sessions.create(session, user_id=alice.id, lifetime_seconds=60)
    async with (
        open_reader(server, alice.token) as ended,
        open_reader(server, auth.tokens.issue(alice.id, second.id)) as other,
        open_reader(server, bob.token) as foreign,
    ):
        assert (await alice.request("DELETE", f"/api/me/sessions/{alice.session_id}")).status_code == 204
        assert await ended.close_code(LIMIT_SECONDS) == 4401
        for reader in (other, foreign):
            await reader.until("snapshot")
        quiet = (reader.receives_nothing(revocation.POLL_SECONDS) for reader in (other, foreign))
        assert await asyncio.gather(*quiet) == [True, True]


async def test_a_connection_that_is_authenticated_again_follows_the_new_session(
    server: Server, gateway: Gateway, auth: Auth, alice: ApiUser
) -> None:
    async with gateway.sessions.begin() as session:
        second = await login_sessions.create(session, user_id=alice.id, lifetime_seconds=60)
    async with open_reader(server, alice.token) as reader:
        await reader.send(type="auth", token=auth.tokens.issue(alice.id, second.id))
        await reader.until("hello")
        await alice.request("DELETE", f"/api/me/sessions/{alice.session_id}")
        assert await reader.receives_nothing(revocation.POLL_SECONDS + 0.2)
        async with gateway.sessions.begin() as session:
            await login_sessions.revoke(session, second.id, user_id=alice.id)
        assert await reader.close_code(LIMIT_SECONDS) == 4401


async def test_a_failed_poll_ends_no_stream(
    auth: Auth, gateway: Gateway, alice: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(revocation, "POLL_SECONDS", 0.01)
    with auth.revocations.watch(alice.session_id) as watch:
        running = asyncio.create_task(auth.revocations.run())
        with monkeypatch.context() as outage:
            outage.setattr("db.login_sessions.live_ids", unreachable)
            await asyncio.sleep(0.1)
            assert not watch.revoked.done()
        async with gateway.sessions.begin() as session:
            await session.execute(text("UPDATE login_sessions SET revoked_at = now()"))
        await asyncio.wait_for(watch.revoked, 5)
        running.cancel()


async def test_a_ticket_is_valid_once_on_all_gateways(server: Server, alice: ApiUser, gateway: Gateway) -> None:
    ticket = (await alice.post("/api/ws/ticket")).json()["ticket"]
    async with open_reader(server) as reader:
        await reader.send(type="auth", ticket=ticket)
        await reader.until("hello")
    for refused in (ticket, "", alice.token, (await expired_ticket(alice, gateway))):
        async with open_reader(server) as reader:
            await reader.send(type="auth", ticket=refused)
            assert await reader.close_code() == 4401
    assert (await alice.get("/api/me", headers={"Authorization": f"Bearer {ticket}"})).status_code == 401


async def expired_ticket(alice: ApiUser, gateway: Gateway) -> str:
    ticket = (await alice.post("/api/ws/ticket")).json()["ticket"]
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE one_time_tokens SET expires_at = now()"))
    return str(ticket)


async def test_a_ticket_ends_with_its_session(server: Server, alice: ApiUser, gateway: Gateway) -> None:
    ticket = (await alice.post("/api/ws/ticket")).json()["ticket"]
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE login_sessions SET revoked_at = now()"))
    async with open_reader(server) as reader:
        await reader.send(type="auth", ticket=ticket)
        assert await reader.close_code() == 4401
