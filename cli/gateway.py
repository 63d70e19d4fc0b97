"""The gateway that a command uses, signed in, and the exit status of each of its errors."""

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from cli import credentials
from cli.client import ApiError, Client
from cli.console import (
    EXIT_FAILURE,
    EXIT_INTERRUPTED,
    EXIT_INVALID_INPUT,
    EXIT_NOT_FOUND,
    EXIT_NOT_SIGNED_IN,
    exit_with_error,
)
from cli.system.address import StartFailed
from cli.system.data_dir import LOCAL_EMAIL, DataDir
from cli.system.temporary import shared_gateway

STATUSES: Final[dict[int, int]] = {
    httpx.codes.UNPROCESSABLE_ENTITY: EXIT_INVALID_INPUT,
    httpx.codes.UNAUTHORIZED: EXIT_NOT_SIGNED_IN,
    httpx.codes.FORBIDDEN: EXIT_NOT_SIGNED_IN,
    httpx.codes.NOT_FOUND: EXIT_NOT_FOUND,
}


class CommandFailed(Exception):
    """The command has failed; the message is the reason."""


class NotSignedIn(Exception):
    """There is no credential for the gateway."""


def chosen_api(api: str | None, *, remote: bool) -> str | None:
    """The URL of the remote gateway that the options or AURA_API_URL choose; None: the system of the data directory.

    Raises NotSignedIn if `remote` asks for the stored one and none is stored.
    """
    api = api or os.environ.get("AURA_API_URL")
    if not remote or api:
        return api
    if (stored := credentials.default()) is None:
        raise NotSignedIn("no gateway is stored: run `aura login URL`")
    return stored.url


@contextmanager
def signed_in(api: str | None, data_dir: Path, console: Console) -> Iterator[Client]:
    """A client of the remote gateway `api`, else of the running system of the data directory, else of a temporary one.

    For a remote gateway the credential is AURA_API_KEY, the key that `aura login` has stored, or AURA_EMAIL with
    AURA_PASSWORD.
    """
    with open_gateway(api, data_dir, console) as url, Client(url, remote_key(api)) as client:
        if client.api_key is None:
            sign_in(client, api, data_dir)
        yield client


def open_gateway(api: str | None, data_dir: Path, console: Console) -> AbstractContextManager[str]:
    return nullcontext(api) if api else shared_gateway(DataDir(data_dir), partial(console.print, highlight=False))


def remote_key(api: str | None) -> str | None:
    """AURA_API_KEY, or the key that is stored for this URL. None: sign in with a password."""
    if api is None:
        return None
    if key := os.environ.get("AURA_API_KEY"):
        return key
    stored = credentials.of(api)
    return stored.key if stored else None


def sign_in(client: Client, api: str | None, data_dir: Path) -> None:
    """Sign in as AURA_EMAIL with AURA_PASSWORD, or else as the local user of the data directory."""
    email, password = os.environ.get("AURA_EMAIL"), os.environ.get("AURA_PASSWORD")
    if email and password:
        client.sign_in(email, password)
    elif api:
        raise NotSignedIn(f"not signed in to {api}: run `aura login {api}`, or set AURA_API_KEY")
    else:
        client.sign_in(LOCAL_EMAIL, DataDir(data_dir).secrets["PASSWORD"], register=True)


@contextmanager
def reported_errors() -> Iterator[None]:
    """Exit with one line and the status of an error, instead of a traceback. SIGTERM ends a command like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except ApiError as error:
        exit_with_error(str(error), STATUSES.get(error.status, EXIT_FAILURE))
    except NotSignedIn as error:
        exit_with_error(str(error), EXIT_NOT_SIGNED_IN)
    except (CommandFailed, StartFailed, OSError, ValueError) as error:
        exit_with_error(str(error))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        exit_with_error(f"the gateway cannot be reached: {error}")
    except KeyboardInterrupt:
        exit_with_error("interrupted", EXIT_INTERRUPTED)
