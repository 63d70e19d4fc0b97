"""The secrets and the signatures of webhooks, by the Standard Webhooks specification (https://www.standardwebhooks.com).

Signing needs the secret itself, not a hash of it. It is stored encrypted, with a key derived from SECRET_KEY, like the
secret of a second factor.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from api.auth.keys import KeyRing, derive

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
_PURPOSE: Final = "webhook secret"


def _ciphers(keys: KeyRing) -> list[Fernet]:
    """The cipher of the current key first."""
    return [Fernet(base64.urlsafe_b64encode(derive(secret, _PURPOSE))) for secret in keys.secrets]


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def encrypt(keys: KeyRing, secret: str) -> str:
    return _ciphers(keys)[0].encrypt(secret.encode()).decode()


def decrypt(keys: KeyRing, encrypted: str) -> str | None:
    """The secret; None if it was encrypted with a key that is gone."""
    try:
        return MultiFernet(_ciphers(keys)).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        return None


def renewed(keys: KeyRing, encrypted: str) -> str | None:
    """The secret encrypted with the current key; None if it already is, or cannot be."""
    current, *others = _ciphers(keys)
    try:
        current.decrypt(encrypted.encode())
    except InvalidToken:
        secret = decrypt(keys, encrypted) if others else None
        return secret and encrypt(keys, secret)
    return None


def signed_headers(message_id: str, timestamp: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The three headers of a message, with a signature of each secret. `timestamp` is in seconds."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
