"""The relying party is the host of PUBLIC_URL; in development mode it is localhost as well."""

import httpx
import pytest

from api.dependencies import Gateway
from api.passkeys.relying_party import public_party
from api.settings import Environment, Settings
from tests.api.conftest import ApiUser
from tests.api.passkeys.authenticator import Authenticator
from tests.api.passkeys.conftest import add, creation_options, request_options, sign_in


async def test_a_page_of_another_site_cannot_sign_in(client: httpx.AsyncClient, owner: ApiUser) -> None:
    headers = {"Origin": "https://evil.example"}
    for path in ("/api/auth/passkey/options", "/api/auth/passkey/login"):
        refused = await client.post(path, json={"credential": {}}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "origin_refused")


@pytest.mark.parametrize(
    ("url", "party"),
    [
        ("https://Aura.example:8443/x", ("aura.example", ["https://aura.example:8443"])),
        ("https://aura.example:443", ("aura.example", ["https://aura.example"])),
        ("http://aura.example", None), ("https://192.0.2.1", None), ("https://[::1]:8000", None), ("", None),
    ],
)  # fmt: skip
async def test_the_relying_party_is_that_of_public_url(
    settings: Settings, url: str, party: tuple[str, list[str]] | None
) -> None:
    found = public_party(settings.model_copy(update={"public_url": url}))
    assert (found and (found.id, found.origins)) == party


async def test_without_a_public_url_passkeys_are_disabled_in_production(
    client: httpx.AsyncClient, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "public_url", "")
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    refused = await client.post("/api/auth/passkey/options")
    assert (refused.status_code, refused.json()["code"]) == (403, "passkeys_disabled")


async def test_in_development_mode_they_work_on_localhost(
    client: httpx.AsyncClient, owner: ApiUser, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "aura_env", Environment.DEVELOPMENT)
    monkeypatch.setattr(gateway.settings, "public_url", "http://127.0.0.1:8000")
    client.headers["Origin"] = "http://localhost:3000"
    authenticator = Authenticator("http://localhost:3000", "localhost")
    assert (await add(owner, authenticator.create(await creation_options(owner)))).status_code == 201
    assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 200
    elsewhere = authenticator.get(await request_options(client), origin="http://localhost:4000")
    assert (await sign_in(client, elsewhere)).status_code == 401
    client.headers["Origin"] = "http://127.0.0.1:3000"
    assert (await sign_in(client, authenticator.get(await request_options(client)))).status_code == 401
