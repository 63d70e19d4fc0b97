"""Requests to one gateway with a credential, repeated while the gateway is unavailable or limits the rate."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import httpx
from pydantic import ValidationError

from cli.client.errors import ApiError, GatewayUnavailable, NotUnderstood, TemporaryError, TooManyRequests
from cli.client.models import Response

Json = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R", bound=Response)

# How long a request is repeated.
RETRY_TIMEOUT_SECONDS: Final = 60.0
RETRY_INTERVAL_SECONDS: Final = 1.0
REPEATED: Final = (TemporaryError, httpx.TransportError)


class Connection:
    def __init__(self, url: str, api_key: str | None = None) -> None:
        self.url = url.rstrip("/")
        self.api_key = api_key
        self._http = httpx.Client(base_url=self.url, timeout=30)
        self._token = ""
        self._credentials = ("", "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def sign_in(self, email: str, password: str, *, code: str | None = None, register: bool = False) -> None:
        """Sign in; with `register`, create the account if that fails.

        Neither connection errors nor rate limits are retried. `code` is that of the second factor; without it, the
        error of an account that has one is `second_factor_required`.
        """
        self._credentials = (email, password)
        try:
            retry(lambda: self._log_in(code), (GatewayUnavailable,))
        except ApiError as error:
            if not register or error.code != "wrong_credentials":
                raise
            retry(self._register, (GatewayUnavailable,))
            retry(self._log_in, (GatewayUnavailable,))

    def sign_out(self) -> None:
        """End the session of `sign_in`."""
        self._request("POST", "/api/auth/logout")
        self._token, self._credentials = "", ("", "")

    def download(self, url: str, path: Path, sha256: str | None = None) -> None:
        """Download a file to `path` atomically. ValueError if its checksum does not match."""
        partial = path.with_name(f".aura-{os.getpid()}.partial")
        try:
            digest = retry(lambda: self._fetch(url, partial))
            if sha256 is not None and digest != sha256:
                raise ValueError("the downloaded video is corrupt (its checksum does not match): try again")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def _register(self) -> None:
        email, password = self._credentials
        parse(self._http.post("/api/auth/register", json={"email": email, "password": password}))

    def _log_in(self, code: str | None = None) -> None:
        email, password = self._credentials
        body = {"email": email, "password": password} | ({"code": code} if code else {})
        token = parse(self._http.post("/api/auth/login", json=body)).get("access_token")
        if token is None:
            raise NotUnderstood(httpx.codes.OK)
        self._token = token

    def _get(self, model: type[R], path: str, **parameters: Any) -> R:
        """A GET; parameters that are None are left out."""
        known = {name: value for name, value in parameters.items() if value is not None}
        return self._send(model, "GET", path, params=known)

    def _send(self, model: type[R], method: str, path: str, **options: Any) -> R:
        body = self._request(method, path, **options)
        try:
            return model.model_validate(body)
        except ValidationError:
            raise NotUnderstood(httpx.codes.OK) from None

    def _request(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        repeated: tuple[type[Exception], ...] = REPEATED,
        **options: Any,
    ) -> Json:
        """Send a request, repeat it after temporary errors, and sign in again if the token has expired."""

        def send() -> httpx.Response:
            authorization = {"Authorization": f"Bearer {self.api_key or self._token}"}
            return self._http.request(method, path, headers=(headers or {}) | authorization, **options)

        def send_signed_in() -> Json:
            response = send()
            if response.status_code == httpx.codes.UNAUTHORIZED and self._credentials[0]:
                self._log_in()
                response = send()
            return parse(response)

        return retry(send_signed_in, repeated)

    def _fetch(self, url: str, path: Path) -> str:
        """Download to `path` and return the SHA-256 of the content."""
        digest = hashlib.sha256()
        with self._http.stream("GET", url) as response, path.open("wb") as file:
            if response.is_error:
                response.read()
                parse(response)
            for chunk in response.iter_bytes():
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()


def retry(function: Callable[[], T], repeated: tuple[type[Exception], ...] = REPEATED) -> T:
    """Call `function` again after these errors, for at most RETRY_TIMEOUT_SECONDS."""
    deadline = time.monotonic() + RETRY_TIMEOUT_SECONDS
    while True:
        try:
            return function()
        except repeated as error:
            named = error.retry_after if isinstance(error, TemporaryError) else None
            delay = RETRY_INTERVAL_SECONDS if named is None else named
            if time.monotonic() + delay > deadline:
                raise
        time.sleep(delay)


def parse(response: httpx.Response) -> Json:
    """The JSON body, empty without one. ApiError for an error response."""
    try:
        found = response.json() if response.content else {}
    except ValueError:
        found = None
    if not response.is_error:
        if isinstance(found, dict):
            return found
        raise NotUnderstood(response.status_code)
    body = (
        found if isinstance(found, dict) and found else {"detail": f"{response.status_code} {response.reason_phrase}"}
    )
    for error in (GatewayUnavailable, TooManyRequests):
        if response.status_code in error.statuses:
            raise error(response.status_code, body, response.headers.get("retry-after", ""))
    raise ApiError(response.status_code, body)
