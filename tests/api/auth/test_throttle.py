"""Limits on wrong passwords: they slow down guessing, on all gateways together, and do not lock the owner out."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.auth import sign_in, throttle
from api.auth.cookies import DEVICE
from api.auth.dependencies import Auth
from api.auth.passwords import Passwords
from api.settings import Settings
from tests.api.accounts import login

WRONG = "not the password of anybody"
PER_MINUTE = 10


@pytest.fixture(autouse=True)
def fast_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of attempts, each with a real hash, would take a minute."""

    async def verify(_: Passwords, password: str, password_hash: str | None) -> bool:
        return password_hash is not None and password != WRONG

    monkeypatch.setattr(Passwords, "verify", verify)


@pytest.fixture
def come_from(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A function that sets the address of the following requests."""
    host = ["127.0.0.1"]
    monkeypatch.setattr(sign_in, "client_host", lambda _: host[0])

    def change(address: str) -> None:
        host[0] = address

    return change  # type: ignore[return-value]


@contextmanager
def without_cookies(client: httpx.AsyncClient) -> Iterator[None]:
    """As another browser."""
    kept = httpx.Cookies(client.cookies)
    client.cookies.clear()
    yield
    client.cookies.update(kept)


async def attempts(client: httpx.AsyncClient, account: dict[str, str], number: int, password: str = WRONG) -> list[int]:
    """The statuses of sign-ins of a browser without cookies."""
    statuses = []
    with without_cookies(client):
        for _ in range(number):
            statuses.append((await login(client, account, password=password)).status_code)
            client.cookies.clear()
    return statuses


async def test_failed_logins_are_limited_per_account(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    for _ in range(PER_MINUTE + 5):
        assert (await login(client, account)).status_code == 200  # successful logins are not counted
        client.cookies.clear()
    assert await attempts(client, account, PER_MINUTE) == [401] * PER_MINUTE
    refused = await login(client, account)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert "sign-in to this account from this network" in refused.json()["detail"]
    assert 1 <= int(refused.headers["retry-after"]) <= 7


async def test_failures_from_another_address_do_not_lock_the_owner_out(
    client: httpx.AsyncClient, account: dict[str, str], come_from: object
) -> None:
    come_from("203.0.113.9")  # type: ignore[operator]
    assert await attempts(client, account, 11) == [401] * 10 + [429]
    come_from("192.0.2.1")  # type: ignore[operator]
    assert (await login(client, account)).status_code == 200


async def test_failed_logins_are_limited_per_address_over_all_accounts(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "NETWORK_FACTOR", 1)
    for n in range(10):
        assert (await login(client, {"email": f"{n}@example.org", "password": WRONG})).status_code == 401
    refused = await login(client, {"email": "10@example.org", "password": WRONG})
    assert (refused.status_code, refused.json()["detail"]) == (429, "rate limit: sign-in from this network")


@pytest.mark.parametrize("form", ["2001:db8:7:{:x}::1", "198.51.100.{}"])
async def test_the_networks_of_one_site_are_limited_together(
    client: httpx.AsyncClient, account: dict[str, str], come_from: object, form: str
) -> None:
    statuses = []
    for n in range(1, 40):
        come_from(form.format(n))  # type: ignore[operator]
        statuses += await attempts(client, account, 1)
    assert statuses == [401] * 30 + [429] * 9


async def guess_from_everywhere(client: httpx.AsyncClient, account: dict[str, str], come_from: object) -> list[int]:
    """60 addresses of 60 sites guess, five times each."""
    statuses = []
    for n in range(300):
        come_from(f"10.{n % 60}.0.1")  # type: ignore[operator]
        statuses += await attempts(client, account, 1)
    return statuses


async def test_guesses_of_many_sites_are_throttled_and_the_owner_signs_in_from_a_new_device(
    client: httpx.AsyncClient, account: dict[str, str], come_from: object
) -> None:
    statuses = await guess_from_everywhere(client, account, come_from)
    # 100 for the account, and one of each site while it is guarded.
    assert statuses.count(401) == 160
    assert statuses.count(429) == 140
    assert set(statuses[200:]) == {429}
    come_from("192.0.2.1")  # type: ignore[operator]
    assert await attempts(client, account, 3, password=account["password"]) == [200] * 3
    assert await attempts(client, account, 2) == [401, 429]


async def test_the_owner_signs_in_from_a_known_device_at_an_address_that_guesses(
    client: httpx.AsyncClient, account: dict[str, str], come_from: object
) -> None:
    come_from("10.7.0.1")  # type: ignore[operator]
    assert (await login(client, account)).status_code == 200
    await guess_from_everywhere(client, account, come_from)
    come_from("10.7.0.1")  # type: ignore[operator]
    assert await attempts(client, account, 1, password=account["password"]) == [429]
    for _ in range(5):
        assert (await login(client, account)).status_code == 200


async def test_a_known_device_has_a_limit_of_its_own(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    await login(client, account)
    statuses = [(await login(client, account, password=WRONG)).status_code for _ in range(PER_MINUTE + 1)]
    assert statuses == [401] * PER_MINUTE + [429]
    assert await attempts(client, account, 1, password=account["password"]) == [200]


@pytest.mark.parametrize("change", [{"email": "other@example.org"}, {}])
async def test_a_device_is_known_for_one_account(
    client: httpx.AsyncClient, auth: Auth, account: dict[str, str], change: dict[str, str]
) -> None:
    await login(client, account)
    cookie = client.cookies[DEVICE]
    assert (auth.devices.known(cookie, (account | change)["email"]) is not None) is (not change)
    for forged in ("", "x", ".", "..", cookie[:-1], f"9{cookie}", cookie + "0", cookie.replace(".", "..", 1)):
        assert auth.devices.known(forged, account["email"]) is None


async def test_two_gateways_share_the_limits(
    client: httpx.AsyncClient, account: dict[str, str], settings: Settings
) -> None:
    second = create_app(settings)
    try:
        transport = httpx.ASGITransport(app=second)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as other:
            assert await attempts(client, account, 6) == [401] * 6
            assert await attempts(other, account, 5) == [401] * 4 + [429]
            assert await attempts(client, account, 1) == [429]
    finally:
        await second.state.gateway.engine.dispose()


async def test_concurrent_guesses_are_limited_too(client: httpx.AsyncClient, account: dict[str, str]) -> None:
    responses = await asyncio.gather(*(login(client, account, password=WRONG) for _ in range(30)))
    assert sorted(response.status_code for response in responses) == [401] * 10 + [429] * 20


async def test_only_wrong_credentials_count_as_failed_logins(
    client: httpx.AsyncClient, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as outage:
        outage.setattr(sign_in.users, "by_email", unreachable)
        assert await attempts(client, account, PER_MINUTE + 2) == [503] * (PER_MINUTE + 2)
    assert (await login(client, account)).status_code == 200


async def test_a_limit_that_cannot_be_checked_refuses(
    client: httpx.AsyncClient, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("db.rate_limits.take", unreachable)
    assert (await login(client, account)).status_code == 503


async def test_refused_sign_ins_are_events_in_the_log(
    app: FastAPI, client: httpx.AsyncClient, account: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    await attempts(client, account, PER_MINUTE + 1)
    await login(client, {"email": "nobody@example.org", "password": WRONG})
    printed = capsys.readouterr().out
    lines = [json.loads(line) for line in printed.splitlines()]
    refused = [line for line in lines if line["event"] == "sign-in refused"]
    assert [line["user_id"] is not None for line in refused] == [True] * PER_MINUTE + [False]
    assert {line["reason"] for line in refused} == {"wrong credentials"}
    assert sum(line["event"] == "rate limited" for line in lines) == 1
    requests = {line["request_id"]: line["client"] for line in lines if line["event"] == "request"}
    assert all(requests[line["request_id"]] for line in refused)
    for secret in (account["email"], WRONG, "nobody@example.org"):
        assert secret not in printed
