"""Registration. The answer, and its time, do not depend on whether the address has an account already.

Without mail an account exists at once: a client that registers an address and cannot sign in with the new password can
conclude that the address had an account. With mail (SMTP_HOST) only the owner of the address receives this information.
"""

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.dependencies import Auth, AuthDep
from api.auth.problems import InvitationRefused, LinkUsed, RegistrationClosed
from api.auth.schemas import Account, Registration
from api.auth.tokens import new_token, token_hash
from api.dependencies import Gateway, GatewayDep, client_host
from api.mail import messages
from api.networks import network_of, site_of
from api.settings import Registration as RegistrationMode
from db import audit, mails, one_time_tokens, users
from db.audit import Action
from db.errors import EmailTaken
from db.ids import uuid7
from db.rate_limits import Bucket
from db.tables import Purpose, Role, User

VERIFICATION_SECONDS: Final = 24 * 3600
RESET_SECONDS: Final = 3600
# Mails to one address per hour; beyond, the answer is the same and no mail is written.
MAILS_PER_HOUR: Final = 5
SITE_FACTOR: Final = 3


@dataclass(frozen=True, slots=True)
class NewAccount:
    email: str
    password_hash: str
    invitation: str | None
    # Whether a mail may be sent to the address now.
    mail: bool


def guessable(field: str) -> RequestValidationError:
    message = "is too easy to guess: choose a longer one, or several words that do not belong together"
    return RequestValidationError([{"loc": ("body", field), "msg": message, "type": "guessable"}])


async def new_hash(auth: Auth, password: str, email: str, field: str = "password") -> str:
    """The hash of a new password; RequestValidationError if it is easily guessed."""
    if await auth.passwords.is_guessable(password, email):
        raise guessable(field)
    return await auth.passwords.hash(password)


async def may_mail(auth: Auth, email: str) -> bool:
    return await auth.rate_limits.try_take(Bucket("mail to this address", email.lower(), MAILS_PER_HOUR, 3600)) is None


async def new_account(request: Request, gateway: GatewayDep, auth: AuthDep, body: Registration) -> NewAccount:
    """All that takes time and needs no transaction. Raises RegistrationClosed, InvitationRefused, TooManyRequests."""
    mode, host = gateway.settings.registration, client_host(request)
    if mode is RegistrationMode.CLOSED:
        raise RegistrationClosed
    if mode is RegistrationMode.INVITATION and body.invitation is None:
        raise InvitationRefused
    per_minute = gateway.settings.registrations_per_minute
    await auth.rate_limits.take(
        Bucket("registration from this network", network_of(host), per_minute),
        Bucket("registration from this site", site_of(host), per_minute * SITE_FACTOR),
    )
    password_hash = await new_hash(auth, body.password, body.email)
    mail = gateway.settings.sends_mail and await may_mail(auth, body.email)
    return NewAccount(body.email, password_hash, body.invitation, mail)


async def register(session: AsyncSession, gateway: Gateway, account: NewAccount, address: str) -> Account:
    role = await _redeem_invitation(session, gateway, account)
    if gateway.settings.sends_mail:
        return await _register_by_mail(session, gateway, account, role)
    with contextlib.suppress(EmailTaken):
        user = await users.create(session, email=account.email, password_hash=account.password_hash, role=role)
        await _record(session, user, address)
        return _answer(user.id, account.email, user.created_at, verify=False)
    return _answer(uuid7(), account.email, await _now(session), verify=False)


async def _redeem_invitation(session: AsyncSession, gateway: Gateway, account: NewAccount) -> Role:
    """The role that the invitation gives. InvitationRefused if one is required and this one is not valid."""
    if gateway.settings.registration is not RegistrationMode.INVITATION and account.invitation is None:
        return Role.USER
    hashed = token_hash(account.invitation or "")
    invitation = await one_time_tokens.redeem(session, purpose=Purpose.INVITATION, token_hash=hashed)
    if invitation is None:
        raise InvitationRefused
    return Role(invitation.data.get("role", Role.USER))


async def _register_by_mail(session: AsyncSession, gateway: Gateway, account: NewAccount, role: Role) -> Account:
    """The account is created when the link is opened, so that an address can be registered by its owner only."""
    existing = await users.by_email(session, account.email)
    token = new_token()
    data: dict[str, Any] = {"email": account.email, "password_hash": account.password_hash, "role": role}
    await one_time_tokens.create(
        session,
        purpose=Purpose.PASSWORD_RESET if existing else Purpose.REGISTRATION,
        token_hash=token_hash(token),
        lifetime_seconds=RESET_SECONDS if existing else VERIFICATION_SECONDS,
        user_id=existing.id if existing else None,
        data={} if existing else data,
    )
    write = messages.account_exists if existing else messages.verify_email
    message = write(gateway.settings.public_url, token)
    recipient = existing.email if existing else account.email
    await mails.add(session, recipient=recipient, subject=message.subject, body=message.body, discard=not account.mail)
    return _answer(uuid7(), account.email, await _now(session), verify=True)


async def verify_email(session: AsyncSession, token: str, address: str) -> None:
    """Create the account of a verified address. LinkUsed if the link is not valid, or the address is taken by now."""
    found = await one_time_tokens.redeem(session, purpose=Purpose.REGISTRATION, token_hash=token_hash(token))
    if found is None:
        raise LinkUsed
    try:
        user = await users.create(
            session,
            email=found.data["email"],
            password_hash=found.data["password_hash"],
            role=Role(found.data["role"]),
            email_verified=True,
        )
    except EmailTaken as error:
        raise LinkUsed from error
    await _record(session, user, address)


async def _record(session: AsyncSession, user: User, address: str) -> None:
    details = {"role": user.role, "email_verified": user.email_verified_at is not None}
    target = ("user", user.id)
    await audit.record(
        session, action=Action.REGISTERED, actor_id=user.id, target=target, address=address, details=details
    )


async def _now(session: AsyncSession) -> datetime:
    return (await session.scalars(select(func.now()))).one()


def _answer(user_id: UUID, email: str, created_at: datetime, *, verify: bool) -> Account:
    return Account(id=user_id, email=email, created_at=created_at, email_verification_required=verify)
