"""The outbox, with a real SMTP server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import select, text

from api.dependencies import Gateway
from api.mail.outbox import Outbox
from db import mails
from db.embedded import free_port
from db.tables import Mail

BODY = "Open https://aura.example/reset-password#token=secret-token\n"


class Inbox:
    """The mails that arrived. `replies` are the answers to the next mails; then all are accepted."""

    def __init__(self) -> None:
        self.arrived: list[Envelope] = []
        self.replies: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.replies:
            return self.replies.pop(0)
        self.arrived.append(envelope)
        return "250 OK"


@pytest.fixture
def inbox(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    found = Inbox()
    controller = Controller(found, hostname="127.0.0.1", port=free_port())
    controller.start()
    for name, value in {
        "smtp_host": "127.0.0.1", "smtp_port": controller.port, "smtp_security": "none",
        "smtp_from": "aura@aura.example", "public_url": "https://aura.example",
    }.items():  # fmt: skip
        monkeypatch.setattr(gateway.settings, name, value)
    yield found
    controller.stop()


@pytest.fixture
def outbox(gateway: Gateway) -> Outbox:
    return Outbox(gateway.settings, gateway.sessions)


async def write(gateway: Gateway, **values: Any) -> None:
    async with gateway.sessions.begin() as session:
        content = {"recipient": "zoë@example.org", "subject": "Grüße", "body": BODY, **values}
        await mails.add(session, **content)


async def row(gateway: Gateway) -> Mail:
    async with gateway.sessions() as session:
        return (await session.scalars(select(Mail))).one()


async def make_due(gateway: Gateway) -> None:
    async with gateway.sessions.begin() as session:
        await session.execute(text("UPDATE mails SET available_at = now()"))


async def test_a_mail_is_sent_once_and_its_text_is_deleted(gateway: Gateway, inbox: Inbox, outbox: Outbox) -> None:
    await write(gateway, recipient="zoe@example.org")
    assert [await outbox.send_next() for _ in range(2)] == [True, False]
    (envelope,) = inbox.arrived
    assert (envelope.mail_from, envelope.rcpt_tos) == ("aura@aura.example", ["zoe@example.org"])
    content = bytes(envelope.content or b"").decode()
    assert "#token=secret-token" in content
    assert "Auto-Submitted: auto-generated" in content
    sent = await row(gateway)
    assert (sent.body, sent.error, sent.attempts) == ("", None, 1)
    assert sent.ended_at is not None


async def test_a_temporary_failure_is_repeated_later(gateway: Gateway, inbox: Inbox, outbox: Outbox) -> None:
    await write(gateway, recipient="zoe@example.org")
    inbox.replies = ["451 try later"]
    assert [await outbox.send_next() for _ in range(2)] == [True, False]
    assert (await row(gateway)).ended_at is None
    await make_due(gateway)
    assert await outbox.send_next()
    assert len(inbox.arrived) == 1


async def test_a_server_that_is_away_is_waited_for_and_given_up_at_last(
    gateway: Gateway, inbox: Inbox, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "smtp_port", free_port())
    await write(gateway, recipient="zoe@example.org")
    for _ in range(mails.MAX_ATTEMPTS):
        assert await outbox.send_next()
        await make_due(gateway)
    assert not await outbox.send_next()
    given_up = await row(gateway)
    assert (given_up.body, given_up.attempts) == ("", mails.MAX_ATTEMPTS)
    assert given_up.error


async def test_a_refused_recipient_is_given_up_at_once_and_the_next_mail_is_sent(
    gateway: Gateway, inbox: Inbox, outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    inbox.replies = ["550 no such user: nobody@example.org"]
    await write(gateway, recipient="nobody@example.org")
    await write(gateway, recipient="zoe@example.org")
    capsys.readouterr()
    assert [await outbox.send_next() for _ in range(3)] == [True, True, False]
    assert [envelope.rcpt_tos for envelope in inbox.arrived] == [["zoe@example.org"]]
    printed = capsys.readouterr().out
    assert "mail not sent" in printed
    for secret in ("secret-token", "nobody@example.org", "zoe@example.org"):
        assert secret not in printed


async def test_a_line_break_in_a_recipient_adds_no_header(gateway: Gateway, inbox: Inbox, outbox: Outbox) -> None:
    await write(gateway, recipient="zoe@example.org\nBcc: all@example.org")
    assert await outbox.send_next()
    assert inbox.arrived == []
    assert (await row(gateway)).ended_at is not None


async def test_a_mail_of_a_process_that_died_is_sent_by_another(gateway: Gateway, inbox: Inbox, outbox: Outbox) -> None:
    await write(gateway, recipient="zoe@example.org")
    async with gateway.sessions.begin() as session:
        assert await mails.claim(session) is not None
    assert not await outbox.send_next()
    await make_due(gateway)
    assert await outbox.send_next()
    assert len(inbox.arrived) == 1


async def test_in_development_a_mail_is_printed_and_kept(
    gateway: Gateway, outbox: Outbox, capsys: pytest.CaptureFixture[str]
) -> None:
    await write(gateway)
    assert await outbox.send_next()
    (line,) = [json.loads(one) for one in capsys.readouterr().out.splitlines()]
    assert (line["to"], line["text"]) == ("zoë@example.org", BODY)
    assert (await row(gateway)).body == BODY


async def test_in_production_without_smtp_nothing_is_printed(
    gateway: Gateway, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.settings, "aura_env", "production")
    await write(gateway)
    await outbox.run()  # returns at once
    assert (await row(gateway)).ended_at is None
