"""A client that signs in and out."""

import httpx

from api.auth.cookies import REFRESH

PASSWORD = "correct horse battery"


async def login(client: httpx.AsyncClient, account: dict[str, str], **values: str) -> httpx.Response:
    return await client.post("/api/auth/login", json=account | values)


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """Refresh with this token, whatever cookies the client has."""
    client.cookies.clear()
    return await client.post("/api/auth/refresh", headers={"Cookie": f"{REFRESH}={token}"})


def bearer(response: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {response.json()['access_token']}"}
