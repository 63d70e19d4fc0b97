"""`aura login` and `aura logout`: an API key of this machine at a remote gateway."""

import os
import socket
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from cli import credentials
from cli.client import ApiError, Client
from cli.console import EXIT_INVALID_INPUT, JsonOption, echo, exit_with_error, plain_console, print_json
from cli.credentials import StoredKey
from cli.gateway import NotSignedIn, reported_errors

SCOPES: Final = ["jobs:read", "jobs:write", "videos:read", "videos:write"]
MAX_NAME_CHARS: Final = 100
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")

EmailOption = Annotated[str | None, typer.Option(help="E-mail address of the account.", envvar="AURA_EMAIL")]
CodeOption = Annotated[
    str | None, typer.Option(help="Code of the authenticator, or a recovery code; asked for if it is needed.")
]


def login(
    url: Annotated[str, typer.Argument(help="URL of the gateway, e.g. https://video.example.org.")],
    email: EmailOption = None,
    code: CodeOption = None,
    days: Annotated[int | None, typer.Option(help="Lifetime of the key in days.", min=1, max=3650)] = 365,
    as_json: JsonOption = False,
) -> None:
    """Sign in to a remote gateway, and store an API key of this machine.

    The password is asked for, or read from AURA_PASSWORD. It is not stored.
    """
    url = gateway_url(url)
    with reported_errors(), Client(url) as client:
        address = email or typer.prompt("E-mail address", err=True)
        sign_in(client, address, code)
        key = client.create_key(key_name(), SCOPES, expires_in_days=days)
        before = credentials.of(url)
        credentials.store(StoredKey(url=url, email=address, key_id=key.id, key=key.key))
        if before is not None:
            revoke(client, before.key_id)
        client.sign_out()
    if as_json:
        print_json({"url": url, "email": address, **key.model_dump(mode="json", exclude={"key"})})
    else:
        echo(f"signed in to {url}; the key {key.prefix}… is in {credentials.path()}")


def logout(
    url: Annotated[str | None, typer.Argument(help="URL of the gateway; default: that of the last login.")] = None,
    code: CodeOption = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete the key here only, for a gateway that is gone.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Revoke the stored API key at its gateway, and delete it here. Asks for the password: a key cannot revoke keys."""
    with reported_errors():
        stored = credentials.of(url) if url else credentials.default()
        if stored is None:
            raise NotSignedIn("no key is stored")
        if not forget:
            with Client(stored.url) as client:
                sign_in(client, stored.email, code)
                revoke(client, stored.key_id)
                client.sign_out()
        credentials.forget(stored.url)
    if as_json:
        print_json({"url": stored.url, "key_id": stored.key_id, "revoked": not forget})
    else:
        echo(
            f"signed out of {stored.url}" if not forget else f"deleted the key of {stored.url} here; it is still valid"
        )


def gateway_url(url: str) -> str:
    """The URL without a final slash. Exits if it is none; warns if the password would be sent in clear."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        exit_with_error(f"{url}: not the URL of a gateway, e.g. https://video.example.org", EXIT_INVALID_INPUT)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        plain_console(stderr=True, soft_wrap=True).print(
            "warning: http:// sends the password and the key unencrypted; use https://"
        )
    return url.rstrip("/")


def sign_in(client: Client, email: str, code: str | None) -> None:
    """Sign in with AURA_PASSWORD, or else ask for the password; ask for the second factor if there is one."""
    password = os.environ.get("AURA_PASSWORD") or typer.prompt("Password", hide_input=True, err=True)
    try:
        client.sign_in(email, password, code=code)
    except ApiError as error:
        if error.code != "second_factor_required" or code is not None:
            raise
        client.sign_in(email, password, code=typer.prompt("Code of the second factor", err=True))


def revoke(client: Client, key_id: str) -> None:
    """Revoke a key that may have expired or been revoked before."""
    try:
        client.revoke_key(key_id)
    except ApiError as error:
        if error.code != "not_found":
            raise


def key_name() -> str:
    return f"aura on {socket.gethostname()}"[:MAX_NAME_CHARS]
