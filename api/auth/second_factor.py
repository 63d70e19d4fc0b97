"""The second factor: time-based codes (RFC 6238), and recovery codes for a lost authenticator."""

import base64
import hmac
import secrets
import time
from typing import Final

import pyotp
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from api.auth.keys import KeyRing, derive
from api.auth.tokens import token_hash

ISSUER: Final = "AuraAnim"
STEP_SECONDS: Final = 30
# Accepted besides the current step: clocks of telephones are off by seconds.
TOLERATED_STEPS: Final = 1
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
_PURPOSE: Final = "second factor"


def _cipher(keys: KeyRing) -> MultiFernet:
    """Encrypts with the current key, decrypts with the previous one too."""
    return MultiFernet([Fernet(base64.urlsafe_b64encode(derive(secret, _PURPOSE))) for secret in keys.secrets])


def new_secret() -> str:
    return pyotp.random_base32()


def encrypt(keys: KeyRing, secret: str) -> str:
    return _cipher(keys).encrypt(secret.encode()).decode()


def decrypt(keys: KeyRing, encrypted: str) -> str | None:
    """The secret; None if it was encrypted with a key that is gone. Recovery codes still work then."""
    try:
        return _cipher(keys).decrypt(encrypted.encode()).decode()
    except InvalidToken:
        return None


def rotated(keys: KeyRing, encrypted: str) -> str:
    """The same secret, encrypted with the current key."""
    return _cipher(keys).rotate(encrypted.encode()).decode()


def uri(secret: str, email: str) -> str:
    """What authenticators read from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def step_of(secret: str, code: str) -> int | None:
    """The time step whose code this is; None if it is no current code."""
    now = int(time.time()) // STEP_SECONDS
    generator = pyotp.TOTP(secret)
    for step in range(now - TOLERATED_STEPS, now + TOLERATED_STEPS + 1):
        if hmac.compare_digest(generator.generate_otp(step), code.encode("ascii", "replace").decode()):
            return step
    return None


def new_recovery_codes() -> list[str]:
    """Codes of 80 bits, in groups of four."""
    plain = [base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower() for _ in range(RECOVERY_CODES)]
    return ["-".join(code[start : start + 4] for start in range(0, 16, 4)) for code in plain]


def recovery_hash(code: str) -> str:
    return token_hash(code.replace("-", "").replace(" ", "").lower())
