"""Two claims about sign-in: its time does not depend on the name, and guesses do not lock the owner out."""

# ruff: noqa: F811  (fixtures are imported by name: those of this folder are for a gateway process)

import statistics
import sys
import time

import httpx
import pytest

from api.auth import sign_in
from api.auth.passwords import Passwords
from tests.api.accounts import login
from tests.api.conftest import (  # noqa: F401  (fixtures)
    account,
    app,
    client,
    gateway,
    settings,
)

LONG = pytest.mark.long_attack
WRONG = "not the password of anybody"


# The short form has a wider tolerance: a median of 15 tries varies with what else the machine does.
@pytest.mark.parametrize(("tries", "tolerance"), [(15, 0.3), pytest.param(200, 0.1, marks=LONG)])
async def test_the_time_of_a_refused_sign_in_is_the_same_for_known_and_unknown_names(
    client: httpx.AsyncClient,
    account: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tries: int,
    tolerance: float,
) -> None:
    hosts = iter(range(10**6))
    monkeypatch.setattr(sign_in, "client_host", lambda _: f"10.{(n := next(hosts)) >> 8 & 255}.{n & 255}.1")
    seconds: dict[str, list[float]] = {account["email"]: [], "unknown@example.org": []}
    for n in range(2 * tries):
        # Known, unknown, unknown, known: a load that changes slowly is shared.
        name = list(seconds)[(n + 1) // 2 % 2]
        started = time.perf_counter()
        assert (await login(client, {"email": name, "password": WRONG})).status_code == 401
        seconds[name].append(time.perf_counter() - started)
    known, unknown = (statistics.median(values) for values in seconds.values())
    with capsys.disabled():
        sys.stdout.write(f"\nmedians of {tries} tries: known {known * 1000:.1f} ms, unknown {unknown * 1000:.1f} ms\n")
    assert abs(known / unknown - 1) < tolerance


@LONG
async def test_the_owner_signs_in_from_elsewhere_during_a_thousand_guesses(
    client: httpx.AsyncClient, account: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify(_: Passwords, password: str, password_hash: str | None) -> bool:
        return password_hash is not None and password != WRONG

    host = [""]
    monkeypatch.setattr(Passwords, "verify", verify)
    monkeypatch.setattr(sign_in, "client_host", lambda _: host[0])
    tried, owner = 0, []
    for n in range(1000):
        host[0] = f"10.{n % 60}.{n % 7}.1"
        tried += (await login(client, account | {"password": WRONG})).status_code == 401
        if n % 100 == 99:
            host[0] = f"192.0.{n // 100}.1"
            owner.append((await login(client, account)).status_code)
            client.cookies.clear()
    # 100 an hour, and one of each of the 60 x 7 sites while the account is guarded.
    assert tried <= 100 + 60 * 7 + 5
    assert owner == [200] * 10
