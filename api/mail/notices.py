"""Notices: mails to the owner of an account about changed credentials."""

from sqlalchemy.ext.asyncio import AsyncSession

from api.dependencies import Gateway
from api.mail.messages import Message
from db import mails


async def send_notice(session: AsyncSession, gateway: Gateway, recipient: str, message: Message) -> None:
    """Written in the transaction of the change. Without mail it is written and never sent."""
    await mails.add(
        session,
        recipient=recipient,
        subject=message.subject,
        body=message.body,
        discard=not gateway.settings.writes_mail,
    )
