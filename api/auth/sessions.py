"""The start of a login session, whatever it was authenticated with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from api.auth import cookies
from api.auth.dependencies import Auth, AuthDep
from api.auth.schemas import AccessToken
from api.auth.tokens import new_token, token_hash
from api.dependencies import GatewayDep, Transaction, client_host
from db import audit, refresh_tokens
from db.audit import Action
from db.tables import RefreshToken, User

MAX_AGENT_CHARS = 200


@dataclass(frozen=True)
class SessionStart:
    """The request of an authenticated sign-in, and its response, which gets the cookies."""

    request: Request
    response: Response
    gateway: GatewayDep
    auth: AuthDep
    session: Transaction

    async def sign_in(self, user: User, **details: object) -> AccessToken:
        """An access token; the cookies of the refresh token and of the known device. `details` is for the audit log."""
        settings, token = self.gateway.settings, new_token()
        row = await refresh_tokens.create_family(
            self.session,
            user_id=user.id,
            refresh_hash=token_hash(token),
            lifetime_seconds=settings.refresh_token_days * cookies.DAY_SECONDS,
            session_seconds=settings.session_days * cookies.DAY_SECONDS,
            user_agent=self.request.headers.get("user-agent", "")[:MAX_AGENT_CHARS],
        )
        await audit.record(
            self.session,
            action=Action.SIGN_IN,
            actor_id=user.id,
            target=("session", row.family_id),
            address=client_host(self.request),
            details=details,
        )
        cookies.set_refresh(self.response, settings, token)
        cookies.set_device(self.response, settings, self.auth.devices.issue(user.email))
        return new_access_token(self.auth, row)


SessionStartDep = Annotated[SessionStart, Depends()]


def new_access_token(auth: Auth, token: RefreshToken) -> AccessToken:
    access = auth.tokens.issue(token.user_id, token.family_id)
    return AccessToken(access_token=access, expires_in=auth.tokens.lifetime_seconds)
