"""Changes that need the current password as well, so that a stolen access token is not enough for them."""

from typing import Annotated

from fastapi import Depends

from api.auth.dependencies import Auth, AuthDep, Caller, live_user
from api.auth.problems import WrongPassword
from api.auth.registration import new_hash
from api.auth.sign_in import record_refusal
from api.auth.tokens import Access
from api.dependencies import ClientAddress, Gateway, GatewayDep
from api.me.schemas import PasswordChange, PasswordConfirmation
from db.rate_limits import Bucket
from db.tables import User


async def confirm(gateway: Gateway, auth: Auth, access: Access, password: str, address: str) -> User:
    """The caller, if this is the current password. Holds no connection meanwhile. WrongPassword is rate-limited."""
    async with gateway.sessions() as session:
        user = await live_user(session, access)
    bucket = Bucket("password confirmation of this account", str(user.id), auth.throttle.per_minute)
    async with auth.rate_limits.limit_failures(WrongPassword, bucket):
        if not await auth.passwords.verify(password, user.password_hash):
            await record_refusal(gateway, "wrong password confirmation", user.id, address)
            raise WrongPassword
    return user


async def confirmed_user(
    gateway: GatewayDep, auth: AuthDep, access: Caller, address: ClientAddress, body: PasswordConfirmation
) -> User:
    return await confirm(gateway, auth, access, body.password, address)


Confirmed = Annotated[User, Depends(confirmed_user)]


async def confirmed_change(
    gateway: GatewayDep, auth: AuthDep, access: Caller, address: ClientAddress, body: PasswordChange
) -> tuple[User, str]:
    """The caller, and the hash of the new password."""
    user = await confirm(gateway, auth, access, body.current_password, address)
    return user, await new_hash(auth, body.new_password, user.email, "new_password")
