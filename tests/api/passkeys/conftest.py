"""An account with passkeys, and the ceremonies over HTTP."""

from typing import Any
from uuid import UUID

import httpx
import pytest

from api.dependencies import Gateway
from tests.api.accounts import PASSWORD, bearer, login
from tests.api.conftest import ApiUser
from tests.api.passkeys.authenticator import Authenticator

ORIGIN = "https://aura.example"

RP_ID = "aura.example"


@pytest.fixture(autouse=True)
def public_url(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway.settings, "public_url", f"{ORIGIN}/")


@pytest.fixture
async def owner(client: httpx.AsyncClient, account: dict[str, str]) -> ApiUser:
    signed_in = await login(client, account)
    me = (await client.get("/api/me", headers=bearer(signed_in))).json()
    return ApiUser(UUID(me["id"]), UUID(me["id"]), signed_in.json()["access_token"], client)


def new_authenticator() -> Authenticator:
    return Authenticator(ORIGIN, RP_ID)


async def creation_options(user: ApiUser) -> dict[str, Any]:
    response = await user.post("/api/me/passkeys/options", json={"password": PASSWORD})
    assert response.status_code == 200, response.text
    return dict(response.json()["options"])


async def add(user: ApiUser, credential: dict[str, Any], name: str = "my phone") -> httpx.Response:
    return await user.post("/api/me/passkeys", json={"name": name, "credential": credential})


async def registered(user: ApiUser) -> tuple[Authenticator, str]:
    """An authenticator whose passkey is the account's, and the id of the passkey."""
    authenticator = new_authenticator()
    added = await add(user, authenticator.create(await creation_options(user)))
    assert added.status_code == 201, added.text
    return authenticator, added.json()["id"]


async def request_options(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.post("/api/auth/passkey/options")
    assert response.status_code == 200, response.text
    return dict(response.json()["options"])


async def sign_in(client: httpx.AsyncClient, credential: dict[str, Any]) -> httpx.Response:
    return await client.post("/api/auth/passkey/login", json={"credential": credential})
