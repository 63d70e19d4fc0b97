"""Sign-in: the password, then the second factor if the account has one.

No database connection is held while a password is hashed.
"""

from uuid import UUID

import structlog
from fastapi import Request

from api.auth import cookies, second_factor
from api.auth.dependencies import Auth, AuthDep
from api.auth.problems import SecondFactorRequired
from api.auth.schemas import Credentials
from api.dependencies import Gateway, GatewayDep, client_host
from api.problems import WrongCredentials
from db import recovery_codes, users
from db.rate_limits import Bucket
from db.tables import User

log = structlog.get_logger("api.auth")


async def authenticate(request: Request, gateway: GatewayDep, auth: AuthDep, credentials: Credentials) -> User:
    """The user with these credentials. Raises WrongCredentials, SecondFactorRequired or TooManyRequests."""
    device = auth.devices.known(cookies.read(request, cookies.DEVICE), credentials.email)
    async with auth.throttle.sign_in(credentials.email, client_host(request), device):
        user = await verify_password(gateway, auth, credentials)
    if user.totp_enabled_at is not None:
        await verify_second_factor(gateway, auth, user, credentials.code)
    return user


async def verify_password(gateway: Gateway, auth: Auth, credentials: Credentials) -> User:
    async with gateway.sessions() as session:
        user = await users.by_email(session, credentials.email)
    correct = await auth.passwords.verify(credentials.password, user.password_hash if user else None)
    if user is None or not correct or user.disabled_at is not None:
        log_refused("wrong credentials" if user is None or not correct else "disabled", user.id if user else None)
        raise WrongCredentials
    return user


async def verify_second_factor(gateway: Gateway, auth: Auth, user: User, code: str | None) -> None:
    """Raises SecondFactorRequired. Only who knows the password gets here, so a limit per account locks nobody out."""
    if code is None:
        raise SecondFactorRequired
    bucket = Bucket("second factor of this account", str(user.id), auth.throttle.per_minute)
    async with auth.rate_limits.limit_failures(SecondFactorRequired, bucket):
        if not await accept_code(gateway, auth, user, code):
            log_refused("wrong second factor", user.id)
            raise SecondFactorRequired("the code is wrong or was used before")


async def accept_code(gateway: Gateway, auth: Auth, user: User, code: str) -> bool:
    """Whether this is an unused code of the authenticator, or an unused recovery code; it is used up."""
    secret = second_factor.decrypt(auth.keys, user.totp_secret or "")
    step = second_factor.step_of(secret, code) if secret else None
    async with gateway.sessions.begin() as session:
        if step is None:
            return await recovery_codes.redeem(session, user.id, second_factor.recovery_hash(code))
        accepted = await users.accept_totp_step(session, user.id, step)
        if accepted and user.totp_secret:
            renewed = second_factor.rotated(auth.keys, user.totp_secret)
            await users.set_totp(session, user.id, secret=renewed, enabled=True)
    return accepted


def log_refused(reason: str, user_id: UUID | None) -> None:
    """One line per refused sign-in; `user_id` only if the account exists. The request line has the client's address."""
    log.warning("sign-in refused", reason=reason, user_id=user_id and str(user_id))
