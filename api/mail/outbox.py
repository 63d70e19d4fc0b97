"""Sends the mails of the outbox, one at a time. Any number of gateways may do this at once."""

import asyncio
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib
import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from api.settings import Settings
from db import mails
from db.errors import is_transient
from db.logs import first_line
from db.tables import Mail

POLL_SECONDS = 5.0
SMTP_SECONDS = 30.0
log = structlog.get_logger("api.mail")


class Outbox:
    def __init__(self, settings: Settings, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._settings, self._sessions = settings, sessions

    async def run(self) -> None:
        while self._settings.writes_mail:
            try:
                while await self.send_next():
                    pass
            except Exception as error:  # outermost loop of the process
                log.warning(
                    "the outbox could not be read, retrying",
                    error=type(error).__name__,
                    exc_info=not is_transient(error),
                )
            await asyncio.sleep(POLL_SECONDS)

    async def send_next(self) -> bool:
        """Send one mail that is due. False if there is none."""
        async with self._sessions.begin() as session:
            mail = await mails.claim(session)
        if mail is None:
            return False
        # The mail is claimed and no transaction is open: an SMTP server may take half a minute.
        try:
            await self._send(mail)
        # ValueError: a header cannot have this content.
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            await self._record_failure(mail, error)
        else:
            async with self._sessions.begin() as session:
                await mails.record_sent(session, mail, keep_body=not self._settings.sends_mail)
        return True

    async def _send(self, mail: Mail) -> None:
        if not self._settings.sends_mail:
            # Development only: `writes_mail` is false otherwise. Everything else keeps tokens out of the log.
            log.info("mail printed, not sent: SMTP_HOST is not set", to=mail.recipient, text=mail.body)
            return
        settings = self._settings
        await aiosmtplib.send(
            as_message(mail, settings.smtp_from),
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password.get_secret_value() or None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
            timeout=SMTP_SECONDS,
        )
        log.info("mail sent", mail_id=str(mail.id), attempt=mail.attempts)

    async def _record_failure(self, mail: Mail, error: Exception) -> None:
        """5xx answers are permanent, RFC 5321; they can name the recipient, so only the code is logged."""
        code = getattr(error, "code", None)
        reason = f"{type(error).__name__} {code or ''}".strip()
        log.warning("mail not sent", mail_id=str(mail.id), attempt=mail.attempts, error=reason)
        refused = isinstance(error, aiosmtplib.SMTPResponseException) and 500 <= error.code < 600
        async with self._sessions.begin() as session:
            await mails.record_failure(
                session, mail, first_line(error), permanent=refused or isinstance(error, ValueError)
            )


def as_message(mail: Mail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, mail.recipient, mail.subject
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(idstring=mail.id.hex, domain="auraanim")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body)
    return message
