"""Requests to names whose addresses are checked, with a resolver of the tests and real sockets."""

import asyncio
import datetime
import json
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from api.webhooks import http
from api.webhooks.destinations import Destination, DestinationRefused, Policy, parse
from api.webhooks.http import FAILURES, Client, reason
from db.embedded import free_port
from tests.api.webhooks.receiver import Receiver

LOOPBACK = Policy(development=True, loopback=True)
NAME = "hooks.example.org"


class Resolver:
    """Answers with the next list of addresses; the last one is repeated."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, int]]()

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def to(port: int, scheme: str = "http", path: str = "/x") -> Destination:
    return parse(f"{scheme}://{NAME}:{port}{path}", Policy(development=True))


async def test_the_name_is_connected_at_its_checked_address(receiver: Receiver) -> None:
    resolver = Resolver(["127.0.0.1"])
    client = Client(LOOPBACK, resolve=resolver)
    assert await client.post(to(receiver.port), {"content-type": "application/json"}, b"{}") == 204
    (message,) = receiver.messages
    assert (message.path, message.body) == ("/x", b"{}")
    assert message.headers["host"] == f"{NAME}:{receiver.port}"
    assert message.headers["content-type"] == "application/json"
    assert "cookie" not in message.headers
    assert resolver.asked == [(NAME, receiver.port)]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["10.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],
        ["169.254.169.254"], ["2606:4700::1111", "fd00::1"], ["fe80::1%1"],
    ],
)  # fmt: skip
async def test_a_name_with_any_address_that_is_not_public_is_refused(receiver: Receiver, addresses: list[str]) -> None:
    client = Client(Policy(development=True), resolve=Resolver(addresses))
    with pytest.raises(DestinationRefused):
        await client.post(to(receiver.port), {}, b"{}")
    assert receiver.messages == []


async def test_a_name_that_changes_its_address_is_checked_again_for_each_request(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: public when the webhook is made and first called, this machine later."""
    resolver = Resolver(["8.8.8.8"], ["127.0.0.1"])
    client = Client(Policy(development=True), resolve=resolver)
    connected = []

    async def connect_tcp(host: str, port: int, timeout: float | None = None) -> None:
        connected.append(host)
        raise OSError("there is no network in the tests")

    monkeypatch.setattr(client._backend._sockets, "connect_tcp", connect_tcp)
    with pytest.raises(OSError, match="no network"):
        await client.post(to(receiver.port), {}, b"{}")
    with pytest.raises(DestinationRefused):
        await client.post(to(receiver.port), {}, b"{}")
    # The address that was checked is the one that was connected, without a second look-up of the name.
    assert connected == ["8.8.8.8"]
    assert len(resolver.asked) == 2


async def test_the_next_address_is_tried(receiver: Receiver) -> None:
    client = Client(LOOPBACK, resolve=Resolver(["127.0.0.2", "::1", "127.0.0.1"]))
    assert await client.post(to(receiver.port), {}, b"{}") == 204


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    receiver.status, receiver.headers = 307, {"location": "/elsewhere"}
    client = Client(LOOPBACK, resolve=Resolver(["127.0.0.1"]))
    assert await client.post(to(receiver.port), {}, b"{}") == 307
    assert [message.path for message in receiver.messages] == ["/x"]


async def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    client = Client(LOOPBACK, resolve=Resolver(["127.0.0.1"]))
    assert await client.post(to(receiver.port), {}, b"{}") == 204


async def test_a_long_answer_is_not_read(receiver: Receiver) -> None:
    receiver.status, receiver.answer_bytes = 200, 64 * 1024 * 1024
    client = Client(LOOPBACK, resolve=Resolver(["127.0.0.1"]))
    assert await client.post(to(receiver.port), {}, b"{}") == 200
    assert receiver.sent_bytes < receiver.answer_bytes / 2


async def test_a_request_has_a_time_limit(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.3)
    receiver.delay = 5
    client = Client(LOOPBACK, resolve=Resolver(["127.0.0.1"]))
    started = time.monotonic()
    with pytest.raises(FAILURES) as failure:
        await client.post(to(receiver.port), {}, b"{}")
    assert time.monotonic() - started < 4
    assert reason(failure.value) == "no answer in time"


async def test_a_slow_name_server_counts_towards_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_SECONDS", 0.1)

    async def never(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    with pytest.raises(TimeoutError):
        await Client(LOOPBACK, resolve=never).post(to(443), {}, b"{}")


async def test_failures_are_described_without_addresses(receiver: Receiver) -> None:
    closed = free_port()
    client = Client(LOOPBACK, resolve=Resolver(["127.0.0.1"]))
    with pytest.raises(FAILURES) as failure:
        await client.post(to(closed), {}, b"{}")
    assert reason(failure.value) == "no connection"
    with pytest.raises(FAILURES) as failure:
        await client.post(to(receiver.port, "https"), {}, b"{}")
    assert reason(failure.value) == "the certificate or the TLS connection was refused"
    with pytest.raises(FAILURES) as failure:
        await Client(LOOPBACK).post(Destination("http", "name.invalid", 80, "/"), {}, b"{}")
    assert reason(failure.value) in ("the name cannot be resolved", "no answer in time")


async def test_addresses_are_those_of_the_system() -> None:
    assert set(await http.resolve("localhost", 443)) <= {"127.0.0.1", "::1"}
    assert await http.resolve("8.8.8.8", 443) == ["8.8.8.8"]


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for this name, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / f"{name}.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


StartTls = Callable[[Path], object]


@pytest.fixture
async def tls_server(tmp_path: Path) -> AsyncIterator[tuple[int, Path, list[str | None]]]:
    """A TLS server for NAME: its port, its certificate, and the names that clients asked for."""
    file, names = certificate(tmp_path, NAME), list[str | None]()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.sni_callback = lambda _, name, __: names.append(name)  # type: ignore[assignment]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], file, names
    server.close()


async def test_tls_is_for_the_name_and_not_for_the_address(
    tls_server: tuple[int, Path, list[str | None]], tmp_path: Path
) -> None:
    port, file, names = tls_server
    trusting = ssl.create_default_context(cafile=str(file))
    client = Client(LOOPBACK, resolve=Resolver(["127.0.0.1"]), ssl_context=trusting)
    assert await client.post(to(port, "https"), {}, b"{}") == 200
    assert names == [NAME]
    other = ssl.create_default_context(cafile=str(certificate(tmp_path, "other.example.org")))
    refusing = Client(LOOPBACK, resolve=Resolver(["127.0.0.1"]), ssl_context=other)
    with pytest.raises(FAILURES) as failure:
        await refusing.post(to(port, "https"), {}, b"{}")
    assert "certificate" in reason(failure.value)
    with pytest.raises(FAILURES):  # the right authority, and another name
        await client.post(Destination("https", "other.example.org", port, "/"), {}, b"{}")


def test_every_reason_is_a_text() -> None:
    assert json.dumps([reason(one()) for one in (OSError, TimeoutError, DestinationRefused)])
