"""A change of the e-mail address.

With mail (SMTP_HOST) the new address is confirmed: a mail with a one-time token is sent to it, and the signed-in owner
sends the token in a request. A person who receives the mail by a typing error has the token but no session, and cannot
take the account over. Without mail the address changes at once.

The answer is the same whether or not another account has the address. Without mail, a person whose address did not
change can conclude that another account has it, as at registration.
"""

import contextlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from api.auth.dependencies import AuthDep, Caller
from api.auth.problems import LinkUsed
from api.auth.registration import VERIFICATION_SECONDS, may_mail
from api.auth.tokens import new_token, token_hash
from api.dependencies import ClientAddress, Gateway, GatewayDep
from api.mail import messages
from api.mail.notices import send_notice
from api.me.confirmation import confirm
from api.me.schemas import EmailChange
from db import audit, mails, one_time_tokens, users
from db.audit import Action
from db.errors import EmailTaken
from db.rate_limits import Bucket
from db.tables import Purpose, User

CHANGES_PER_HOUR: Final = 5


@dataclass(frozen=True, slots=True)
class RequestedChange:
    user: User
    email: str
    # Whether a mail may be sent to the address now.
    mail: bool


async def requested_change(
    gateway: GatewayDep, auth: AuthDep, access: Caller, address: ClientAddress, body: EmailChange
) -> RequestedChange:
    """Raises WrongPassword or TooManyRequests."""
    user = await confirm(gateway, auth, access, body.password, address)
    await auth.rate_limits.take(Bucket("e-mail changes of this account", str(user.id), CHANGES_PER_HOUR, 3600))
    return RequestedChange(user, body.email, gateway.settings.sends_mail and await may_mail(auth, body.email))


async def request_change(session: AsyncSession, gateway: Gateway, change: RequestedChange, address: str) -> None:
    """Send the token, or change the address at once where no mail is sent."""
    user = change.user
    await audit.record(
        session,
        action=Action.EMAIL_CHANGE_REQUESTED,
        actor_id=user.id,
        target=("user", user.id),
        address=address,
    )
    if gateway.settings.sends_mail:
        await _send_token(session, gateway, change)
        return
    with contextlib.suppress(EmailTaken):
        await _set_email(session, gateway, user, change.email, address, verified=False)


async def _send_token(session: AsyncSession, gateway: Gateway, change: RequestedChange) -> None:
    """For an address that another account has, the same rows are written, and the mail is never sent."""
    owner = await users.by_email(session, change.email)
    taken = owner is not None and owner.id != change.user.id
    token = new_token()
    await one_time_tokens.revoke_all(session, change.user.id, Purpose.EMAIL_CHANGE)
    await one_time_tokens.create(
        session,
        purpose=Purpose.EMAIL_CHANGE,
        token_hash=token_hash(token),
        lifetime_seconds=VERIFICATION_SECONDS,
        user_id=change.user.id,
        data={"email": change.email},
    )
    message = messages.change_email(gateway.settings.public_url, token)
    await mails.add(
        session,
        recipient="" if taken else change.email,
        subject=message.subject,
        body="" if taken else message.body,
        discard=taken or not change.mail,
    )


async def confirm_change(session: AsyncSession, gateway: Gateway, user: User, token: str, address: str) -> None:
    """Set the new address. LinkUsed if the token is not valid or not this user's, or the address is taken by now."""
    found = await one_time_tokens.redeem(session, purpose=Purpose.EMAIL_CHANGE, token_hash=token_hash(token))
    if found is None or found.user_id != user.id:
        raise LinkUsed
    try:
        await _set_email(session, gateway, user, found.data["email"], address, verified=True)
    except EmailTaken as error:
        raise LinkUsed from error


async def _set_email(
    session: AsyncSession, gateway: Gateway, user: User, email: str, address: str, *, verified: bool
) -> None:
    """Set the address, make links to the former one useless, and notify the owner there. Raises EmailTaken."""
    former = user.email
    await users.set_email(session, user.id, email, verified=verified)
    for purpose in (Purpose.PASSWORD_RESET, Purpose.EMAIL_CHANGE):
        await one_time_tokens.revoke_all(session, user.id, purpose)
    await audit.record(
        session,
        action=Action.EMAIL_CHANGED,
        actor_id=user.id,
        target=("user", user.id),
        address=address,
        details={"verified": verified},
    )
    await send_notice(session, gateway, former, messages.email_changed())
