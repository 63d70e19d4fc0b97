"""Dependencies that identify the caller."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from api.auth.passwords import Passwords
from api.auth.tokens import Access, Tokens
from api.dependencies import Transaction
from api.problems import Unauthenticated
from api.rate_limits import TokenBuckets
from api.settings import Settings
from db import users
from db.tables import User

# Multiplier of the per-(account, address) limit for the account-only and address-only limits.
SINGLE_KEY_FACTOR = 10


@dataclass(frozen=True)
class Auth:
    """Objects that authentication uses, for the lifetime of the process."""

    tokens: Tokens
    passwords: Passwords
    logins: TokenBuckets
    logins_per_key: TokenBuckets
    registrations: TokenBuckets


def create_auth(settings: Settings) -> Auth:
    return Auth(
        tokens=Tokens(settings.secret_key.get_secret_value(), settings.access_token_seconds),
        passwords=Passwords(),
        logins=TokenBuckets(settings.failed_logins_per_minute),
        logins_per_key=TokenBuckets(settings.failed_logins_per_minute * SINGLE_KEY_FACTOR),
        registrations=TokenBuckets(settings.registrations_per_minute),
    )


def get_auth(connection: HTTPConnection) -> Auth:
    auth: Auth = connection.app.state.auth
    return auth


AuthDep = Annotated[Auth, Depends(get_auth)]

bearer = HTTPBearer(auto_error=False, description="the access_token of POST /api/auth/login")


def get_access(auth: AuthDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Access:
    if credentials is None:
        raise Unauthenticated
    return auth.tokens.verify(credentials.credentials)


async def get_current_user(session: Transaction, access: Annotated[Access, Depends(get_access)]) -> User:
    user = await users.get(session, access.user_id)
    if user is None or user.disabled_at is not None:
        raise Unauthenticated
    return user


Caller = Annotated[Access, Depends(get_access)]
CurrentUser = Annotated[User, Depends(get_current_user)]
