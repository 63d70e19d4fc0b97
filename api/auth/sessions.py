"""The start of a login session, whatever it was authenticated with."""

from typing import Any

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import cookies
from api.auth.dependencies import Auth
from api.auth.schemas import AccessToken
from api.auth.tokens import new_token, token_hash
from api.dependencies import Gateway, client_host
from db import audit, refresh_tokens
from db.audit import Action
from db.tables import RefreshToken, User

MAX_AGENT_CHARS = 200


async def start_session(
    session: AsyncSession,
    gateway: Gateway,
    auth: Auth,
    user: User,
    *,
    request: Request,
    response: Response,
    method: dict[str, Any],
) -> AccessToken:
    """An access token; the cookies of the refresh token and of the known device. `method` is for the audit log."""
    settings, token = gateway.settings, new_token()
    row = await refresh_tokens.create_family(
        session,
        user_id=user.id,
        refresh_hash=token_hash(token),
        lifetime_seconds=settings.refresh_token_days * cookies.DAY_SECONDS,
        session_seconds=settings.session_days * cookies.DAY_SECONDS,
        user_agent=request.headers.get("user-agent", "")[:MAX_AGENT_CHARS],
    )
    await audit.record(
        session,
        action=Action.SIGN_IN,
        actor_id=user.id,
        target=("session", row.family_id),
        address=client_host(request),
        details=method,
    )
    cookies.set_refresh(response, settings, token)
    cookies.set_device(response, settings, auth.devices.issue(user.email))
    return new_access_token(auth, row)


def new_access_token(auth: Auth, token: RefreshToken) -> AccessToken:
    access = auth.tokens.issue(token.user_id, token.family_id)
    return AccessToken(access_token=access, expires_in=auth.tokens.lifetime_seconds)
