"""Dependencies that identify the caller."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection

from api.auth.devices import Devices
from api.auth.keys import KeyRing
from api.auth.passwords import Passwords
from api.auth.problems import RoleRequired
from api.auth.revocation import Revocations
from api.auth.throttle import Throttle
from api.auth.tokens import Access, Tokens
from api.dependencies import Transaction
from api.problems import Unauthenticated
from api.rate_limits import RateLimits
from api.settings import Settings
from db import login_sessions
from db.tables import Role, User

# Each role may what the ones before it may.
RANKS = [Role.USER, Role.MODERATOR, Role.ADMIN]


@dataclass(frozen=True)
class Auth:
    """Objects that authentication uses, for the lifetime of the process."""

    keys: KeyRing
    tokens: Tokens
    passwords: Passwords
    devices: Devices
    rate_limits: RateLimits
    throttle: Throttle
    revocations: Revocations


def create_auth(settings: Settings, sessions: async_sessionmaker[AsyncSession]) -> Auth:
    keys = KeyRing.of(settings.secret_key, settings.secret_key_previous)
    rate_limits = RateLimits(sessions)
    return Auth(
        keys=keys,
        tokens=Tokens(keys, settings.access_token_seconds),
        passwords=Passwords(),
        devices=Devices(keys),
        rate_limits=rate_limits,
        throttle=Throttle(rate_limits, settings.failed_logins_per_minute),
        revocations=Revocations(sessions),
    )


async def get_auth(connection: HTTPConnection) -> Auth:
    auth: Auth = connection.app.state.auth
    return auth


AuthDep = Annotated[Auth, Depends(get_auth)]

bearer = HTTPBearer(auto_error=False, description="the access_token of POST /api/auth/login")


async def get_access(
    connection: HTTPConnection,
    auth: AuthDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Access:
    """The access of the request's token, which `RequestSlots` has verified already if it is valid."""
    if credentials is None:
        raise Unauthenticated
    verified: Access | None = connection.scope.get("state", {}).get("access")
    return verified or auth.tokens.verify(credentials.credentials)


async def live_user(session: AsyncSession, access: Access) -> User:
    """The user of an access token or ticket, or Unauthenticated if the session or the account has ended."""
    user = await login_sessions.user_of(session, access.session_id, access.user_id)
    if user is None:
        raise Unauthenticated("the session has ended")
    return user


async def get_current_user(session: Transaction, access: Annotated[Access, Depends(get_access)]) -> User:
    return await live_user(session, access)


Caller = Annotated[Access, Depends(get_access)]
CurrentUser = Annotated[User, Depends(get_current_user)]


def require_role(role: Role) -> Callable[[User], Awaitable[User]]:
    """A dependency: the current user, who must have this role or a higher one."""

    async def get_user(user: CurrentUser) -> User:
        if RANKS.index(Role(user.role)) < RANKS.index(role):
            raise RoleRequired
        return user

    return get_user


Moderator = Annotated[User, Depends(require_role(Role.MODERATOR))]
Admin = Annotated[User, Depends(require_role(Role.ADMIN))]
