"""The secret keys of the gateway: one that signs, and during a rotation the one before, which still verifies."""

import hashlib
import hmac
from dataclasses import dataclass, field

from pydantic import SecretStr


def derive(secret: bytes, purpose: str) -> bytes:
    """A key for one purpose: what it signs is not valid for another purpose."""
    return hmac.new(secret, f"auraanim {purpose}".encode(), hashlib.sha256).digest()


@dataclass(frozen=True)
class KeyRing:
    """The current secret and, during a rotation, the previous one. Tokens name their key by its id (`kid`)."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, current: SecretStr, previous: SecretStr) -> "KeyRing":
        old = previous.get_secret_value().encode()
        return cls(current.get_secret_value().encode(), old or None)

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The secrets, the one that signs first."""
        return (self.current,) if self.previous is None else (self.current, self.previous)

    @staticmethod
    def key_id(secret: bytes) -> str:
        return derive(secret, "key id").hex()[:16]

    def find(self, key_id: object) -> bytes | None:
        """The secret with this id, for verification."""
        return next((secret for secret in self.secrets if self.key_id(secret) == key_id), None)

    def sign(self, purpose: str, message: str) -> str:
        """The MAC of a message, as 64 hexadecimal digits."""
        return self._mac(self.current, purpose, message)

    def verify(self, purpose: str, message: str, mac: str) -> bool:
        given = mac.encode("utf-8", "replace")
        return any(hmac.compare_digest(self._mac(secret, purpose, message).encode(), given) for secret in self.secrets)

    @staticmethod
    def _mac(secret: bytes, purpose: str, message: str) -> str:
        return hmac.new(derive(secret, purpose), message.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
