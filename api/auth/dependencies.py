"""Dependencies that identify the caller."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer, SecurityScopes
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from starlette.requests import HTTPConnection

from api.auth.api_keys import ApiKeys, PresentedKey, presented
from api.auth.devices import Devices
from api.auth.keys import KeyRing
from api.auth.passwords import Passwords
from api.auth.problems import RoleRequired, SessionRequired
from api.auth.revocation import Revocations
from api.auth.throttle import Throttle
from api.auth.tokens import Access, Tokens
from api.dependencies import Transaction
from api.problems import Unauthenticated
from api.rate_limits import RateLimits
from api.settings import Settings
from db import api_keys, login_sessions
from db.tables import Role, Scope, User

# Each role includes the rights of the ones before it.
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
    api_keys: ApiKeys


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
        api_keys=ApiKeys(sessions),
    )


async def get_auth(connection: HTTPConnection) -> Auth:
    auth: Auth = connection.app.state.auth
    return auth


AuthDep = Annotated[Auth, Depends(get_auth)]

bearer = HTTPBearer(
    auto_error=False,
    description="the access_token of POST /api/auth/login, or an API key with the scope that the operation names; "
    "an operation without a scope accepts no API key",
)


async def get_credential(
    connection: HTTPConnection,
    auth: AuthDep,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Access | PresentedKey:
    """The request's access token, which `RequestSlots` has verified already if it is valid, or its API key."""
    if credentials is None:
        raise Unauthenticated
    verified: Access | None = connection.scope.get("state", {}).get("access")
    return verified or presented(credentials.credentials) or auth.tokens.verify(credentials.credentials)


Credential = Annotated[Access | PresentedKey, Depends(get_credential)]


async def get_access(credential: Credential) -> Access:
    """The access of the request's token. SessionRequired if it carries an API key."""
    if isinstance(credential, PresentedKey):
        raise SessionRequired
    return credential


async def live_user(session: AsyncSession, access: Access) -> User:
    """The user of an access or ticket, or Unauthenticated if the session, the key or the account has ended."""
    find = login_sessions.user_of if access.scopes is None else api_keys.user_of
    user = await find(session, access.session_id, access.user_id)
    if user is None:
        raise Unauthenticated("the session has ended")
    return user


@dataclass(frozen=True)
class Identity:
    """The caller: who it is, and by which session or key."""

    user: User
    access: Access


async def get_identity(
    connection: HTTPConnection, session: Transaction, auth: AuthDep, scopes: SecurityScopes, credential: Credential
) -> Identity:
    """The caller. An API key is accepted where the route names scopes, and must have all of them."""
    if isinstance(credential, Access):
        return Identity(await live_user(session, credential), credential)
    if not scopes.scopes:
        raise SessionRequired
    found = await api_keys.find(session, credential.key_hash)
    if found is None:
        raise auth.api_keys.refuse(credential)
    facts, user = found
    access = auth.api_keys.admit(credential, facts, scopes.scopes)
    connection.scope["state"]["user_id"] = str(user.id)
    return Identity(user, access)


async def get_current_user(identity: Annotated[Identity, Depends(get_identity)]) -> User:
    return identity.user


# Signed-in sessions only: no route of these two accepts an API key.
Caller = Annotated[Access, Depends(get_access)]
CurrentUser = Annotated[User, Depends(get_current_user)]

# The current user, for routes that an API key with this scope may call too.
JobsReader = Annotated[User, Security(get_current_user, scopes=[Scope.JOBS_READ])]
JobsWriter = Annotated[User, Security(get_current_user, scopes=[Scope.JOBS_WRITE])]
VideosReader = Annotated[User, Security(get_current_user, scopes=[Scope.VIDEOS_READ])]
VideosWriter = Annotated[User, Security(get_current_user, scopes=[Scope.VIDEOS_WRITE])]

# For streams, which end with the access.
JobsReaderIdentity = Annotated[Identity, Security(get_identity, scopes=[Scope.JOBS_READ])]
JobsWriterIdentity = Annotated[Identity, Security(get_identity, scopes=[Scope.JOBS_WRITE])]
# For a route that reads the session or the key in its own statement, and passes the key to `ApiKeys.admit`.
JobsReaderCredential = Annotated[Access | PresentedKey, Security(get_credential, scopes=[Scope.JOBS_READ])]


def require_role(role: Role) -> Callable[[User], Awaitable[User]]:
    """A dependency: the current user, with this role or a higher one; an API key needs the scope `admin` too."""

    async def get_user(user: Annotated[User, Security(get_current_user, scopes=[Scope.ADMIN])]) -> User:
        if RANKS.index(Role(user.role)) < RANKS.index(role):
            raise RoleRequired
        return user

    return get_user


Moderator = Annotated[User, Depends(require_role(Role.MODERATOR))]
Admin = Annotated[User, Depends(require_role(Role.ADMIN))]
