"""Shares with a password: who gets in, and what guessing costs."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest

from api.auth.passwords import HASHER, Passwords
from api.shares import passwords, visit
from tests.api.conftest import ApiUser, Worker
from tests.api.public_videos import make_video
from tests.api.shares.test_routes import share

PASSWORD = "blue-parrot-42"
WRONG = "green-parrot-42"


@pytest.fixture
async def video_id(worker: Worker, alice: ApiUser) -> UUID:
    return await make_video(worker, alice)


@pytest.fixture
async def path(alice: ApiUser, video_id: UUID) -> str:
    return f"/api/shared/{(await share(alice, video_id, password=PASSWORD))['token']}"


@pytest.fixture
def fast_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    async def verify(_: Passwords, password: str, password_hash: str | None) -> bool:
        return password == PASSWORD

    monkeypatch.setattr(Passwords, "verify", verify)


@pytest.fixture
def come_from(client: httpx.AsyncClient) -> Callable[[str], None]:
    """A function that sets the address of the following requests."""

    def change(host: str) -> None:
        transport = client._transport
        assert isinstance(transport, httpx.ASGITransport)
        transport.client = (host, 1)

    return change


async def enter(client: httpx.AsyncClient, path: str, password: str) -> httpx.Response:
    return await client.post(path, json={"password": password})


async def test_a_password_is_asked_for(client: httpx.AsyncClient, path: str) -> None:
    asked = await client.get(path)
    assert (asked.status_code, asked.json()["code"]) == (401, "password_required")
    wrong = await enter(client, path, WRONG)
    assert (wrong.status_code, wrong.json()["code"]) == (401, "wrong_password")
    for response in (asked, wrong):
        assert "url" not in response.json()
    opened = await enter(client, path, PASSWORD)
    assert (opened.status_code, opened.json()["has_password"]) == (200, True)
    assert (await client.get(opened.json()["video"]["url"])).status_code == 200


async def test_the_password_of_a_link_without_one_is_ignored(
    client: httpx.AsyncClient, alice: ApiUser, video_id: UUID
) -> None:
    token = (await share(alice, video_id))["token"]
    assert (await enter(client, f"/api/shared/{token}", "anything")).status_code == 200


async def test_the_form_of_unicode_does_not_matter(client: httpx.AsyncClient, alice: ApiUser, video_id: UUID) -> None:
    token = (await share(alice, video_id, password="cafe\u0301-parrot"))["token"]
    assert (await enter(client, f"/api/shared/{token}", "caf\u00e9-parrot")).status_code == 200


@pytest.mark.usefixtures("fast_passwords")
async def test_wrong_passwords_are_limited_per_link_and_network(
    client: httpx.AsyncClient, path: str, come_from: Callable[[str], None]
) -> None:
    for _ in range(15):
        assert (await enter(client, path, PASSWORD)).status_code == 200  # correct ones are not counted
    started = time.monotonic()
    answers = [await enter(client, path, WRONG) for _ in range(20)]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    # One more every six seconds.
    assert sum(answer.status_code == 401 for answer in answers) <= 11 + (time.monotonic() - started) / 6
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1
    come_from("203.0.113.9")
    assert (await enter(client, path, PASSWORD)).status_code == 200, "a visitor from elsewhere gets in"


@pytest.mark.usefixtures("fast_passwords")
@pytest.mark.parametrize(("hosts", "limit", "period"), [("203.0.113.{}", 30, 60), ("10.0.{}.1", 12, 3600)])
async def test_guesses_from_one_site_and_from_everywhere_are_limited(
    client: httpx.AsyncClient,
    path: str,
    come_from: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    hosts: str,
    limit: int,
    period: int,
) -> None:
    monkeypatch.setattr(visit, "WRONG_PER_HOUR", 12 if limit == 12 else 300)
    tried, started = 0, time.monotonic()
    for n in range(limit + 20):
        come_from(hosts.format(n))
        tried += (await enter(client, path, WRONG)).status_code == 401
    regained = (time.monotonic() - started) * limit / period
    assert limit <= tried <= limit + regained + 1


@pytest.mark.usefixtures("fast_passwords")
async def test_parallel_guesses_are_limited_too(client: httpx.AsyncClient, path: str) -> None:
    answers = await asyncio.gather(*(enter(client, path, WRONG) for _ in range(40)))
    refused = sum(answer.status_code == 429 for answer in answers)
    assert 20 <= refused <= 30


async def test_hashes_are_limited_per_network(
    client: httpx.AsyncClient, path: str, alice: ApiUser, video_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "HASHES_PER_MINUTE", 2)
    statuses = [(await enter(client, path, PASSWORD)).status_code for _ in range(4)]
    assert statuses[-1] == 429
    assert statuses.count(200) in (1, 2)

    async def refuse(*_: object) -> str:
        raise AssertionError("the number of hashes is not limited")

    monkeypatch.setattr(Passwords, "hash", refuse)
    alice.token = "none"
    refused = await alice.post(f"/api/videos/{video_id}/shares", json={"password": PASSWORD})
    assert refused.status_code == 429


async def test_the_hash_is_made_with_the_parameters_of_accounts(path: str) -> None:
    assert HASHER.hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
