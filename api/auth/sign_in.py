"""Sign-in: the password, then the second factor if the account has one.

No database connection is held while a password is hashed.
"""

from uuid import UUID

import structlog
from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth import cookies, second_factor
from api.auth.dependencies import Auth, AuthDep
from api.auth.problems import SecondFactorRequired
from api.auth.schemas import Credentials
from api.dependencies import Gateway, GatewayDep, client_host
from api.problems import WrongCredentials
from db import audit, recovery_codes, users
from db.audit import Action
from db.rate_limits import Bucket
from db.tables import User

log = structlog.get_logger("api.auth")


async def authenticate(request: Request, gateway: GatewayDep, auth: AuthDep, credentials: Credentials) -> User:
    """The user with these credentials. Raises WrongCredentials, SecondFactorRequired or TooManyRequests."""
    device = auth.devices.known(cookies.read(request, cookies.DEVICE), credentials.email)
    address = client_host(request)
    async with auth.throttle.sign_in(credentials.email, address, device):
        user = await verify_password(gateway, auth, credentials, address)
    if user.totp_enabled_at is not None:
        await verify_second_factor(gateway, auth, user, credentials.code, address)
    return user


async def verify_password(gateway: Gateway, auth: Auth, credentials: Credentials, address: str) -> User:
    async with gateway.sessions() as session:
        user = await users.by_email(session, credentials.email)
    correct = await auth.passwords.verify(credentials.password, user.password_hash if user else None)
    if user is None or not correct or user.disabled_at is not None:
        reason = "wrong credentials" if user is None or not correct else "disabled"
        await record_refusal(gateway, reason, user.id if user else None, address)
        raise WrongCredentials
    return user


async def verify_second_factor(gateway: Gateway, auth: Auth, user: User, code: str | None, address: str) -> None:
    """Raises SecondFactorRequired. The password was correct, so a limit per account cannot lock out the owner."""
    if code is None:
        raise SecondFactorRequired
    bucket = Bucket("second factor of this account", str(user.id), auth.throttle.per_minute)
    async with auth.rate_limits.limit_failures(SecondFactorRequired, bucket):
        if not await accept_code(gateway, auth, user, code, address):
            await record_refusal(gateway, "wrong second factor", user.id, address)
            raise SecondFactorRequired("the code is wrong or was used before")


async def accept_code(gateway: Gateway, auth: Auth, user: User, code: str, address: str) -> bool:
    """Whether this is an unused code of the authenticator, or an unused recovery code; it is used up."""
    secret = second_factor.decrypt(auth.keys, user.totp_secret or "")
    step = second_factor.step_of(secret, code) if secret else None
    async with gateway.sessions.begin() as session:
        if step is None:
            return await redeem_recovery_code(session, user, code, address)
        accepted = await users.accept_totp_step(session, user.id, step)
        if accepted and user.totp_secret:
            renewed = second_factor.rotated(auth.keys, user.totp_secret)
            await users.set_totp(session, user.id, secret=renewed, enabled=True)
    return accepted


async def redeem_recovery_code(session: AsyncSession, user: User, code: str, address: str) -> bool:
    redeemed = await recovery_codes.redeem(session, user.id, second_factor.recovery_hash(code))
    if redeemed:
        await audit.record(session, action=Action.RECOVERY_CODE_USED, actor_id=user.id, address=address)
    return redeemed


async def record_refusal(gateway: Gateway, reason: str, user_id: UUID | None, address: str) -> None:
    """A line in the log, and an entry of the audit log in a transaction of its own: the request is rolled back.

    `user_id` only if the account exists. The entry has no actor, because the client is not authenticated.
    """
    log.warning("sign-in refused", reason=reason, user_id=user_id and str(user_id))
    async with gateway.sessions.begin() as session:
        await audit.record(
            session,
            action=Action.SIGN_IN_REFUSED,
            actor_id=None,
            target=("user", user_id) if user_id else None,
            address=address,
            details={"reason": reason},
        )
