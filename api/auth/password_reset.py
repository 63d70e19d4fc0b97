"""A forgotten password: a link that is valid once, for an hour. Using it signs every device out."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.dependencies import AuthDep
from api.auth.problems import LinkUsed, MailDisabled
from api.auth.registration import RESET_SECONDS, may_mail, new_hash
from api.auth.schemas import PasswordReset, PasswordResetRequest
from api.auth.tokens import new_token, token_hash
from api.dependencies import Gateway, GatewayDep, client_host
from api.mail import messages
from api.mail.notices import send_notice
from api.networks import network_of
from db import audit, login_sessions, mails, one_time_tokens, users
from db.audit import Action
from db.rate_limits import Bucket
from db.tables import Purpose, User


@dataclass(frozen=True, slots=True)
class Reset:
    token: str
    password_hash: str


async def requested_reset(gateway: GatewayDep, auth: AuthDep, request: Request, body: PasswordResetRequest) -> str:
    """The address to send a link to; empty if it gets no further mail now. Raises MailDisabled or TooManyRequests."""
    if not gateway.settings.writes_mail:
        raise MailDisabled
    await auth.rate_limits.take(_bucket(gateway, request))
    return body.email if await may_mail(auth, body.email) else ""


async def send_link(session: AsyncSession, gateway: Gateway, email: str, address: str) -> None:
    """Write the mail. For an address without an account the same rows are written, and never sent."""
    user = await users.by_email(session, email)
    target = ("user", user.id) if user else None
    await audit.record(session, action=Action.PASSWORD_RESET_REQUESTED, actor_id=None, target=target, address=address)
    message = messages.reset_password(gateway.settings.public_url, await new_link(session, user))
    await mails.add(
        session,
        recipient=user.email if user else "",
        subject=message.subject,
        body=message.body if user else "",
        discard=user is None,
    )


async def new_link(session: AsyncSession, user: User | None) -> str:
    """The token of a link; that of no user cannot be redeemed."""
    token = new_token()
    await one_time_tokens.create(
        session,
        purpose=Purpose.PASSWORD_RESET,
        token_hash=token_hash(token),
        lifetime_seconds=RESET_SECONDS,
        user_id=user.id if user else None,
    )
    return token


async def new_reset(request: Request, gateway: GatewayDep, auth: AuthDep, body: PasswordReset) -> Reset:
    await auth.rate_limits.take(_bucket(gateway, request))
    return Reset(body.token, await new_hash(auth, body.password, ""))


async def reset_password(session: AsyncSession, gateway: Gateway, reset: Reset, address: str) -> None:
    """Set the password and end all sessions. LinkUsed if the link is not valid."""
    found = await one_time_tokens.redeem(session, purpose=Purpose.PASSWORD_RESET, token_hash=token_hash(reset.token))
    user = await users.get(session, found.user_id) if found and found.user_id else None
    if user is None or user.disabled_at is not None:
        raise LinkUsed
    await change_password(session, gateway, user, reset.password_hash)
    ended = await login_sessions.revoke_all(session, user.id)
    await audit.record(
        session,
        action=Action.PASSWORD_RESET,
        actor_id=user.id,
        target=("user", user.id),
        address=address,
        details={"ended_sessions": ended},
    )


async def change_password(session: AsyncSession, gateway: Gateway, user: User, password_hash: str) -> None:
    """Set the password, make pending links useless, and notify the owner by mail."""
    await users.set_password(session, user.id, password_hash)
    for purpose in (Purpose.PASSWORD_RESET, Purpose.EMAIL_CHANGE, Purpose.PASSKEY_REGISTRATION):
        await one_time_tokens.revoke_all(session, user.id, purpose)
    await send_notice(session, gateway, user.email, messages.password_changed())


def _bucket(gateway: Gateway, request: Request) -> Bucket:
    network = network_of(client_host(request))
    return Bucket("password reset from this network", network, gateway.settings.registrations_per_minute)
