"""A software authenticator: what a browser and a security key answer, with every part of it open to a forger."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 1, 4, 8, 16, 64
FLAGS = USER_PRESENT | USER_VERIFIED
AAGUID = bytes(range(16))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def client_data(kind: str, challenge: str, origin: str, **changed: Any) -> bytes:
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False} | changed).encode()


@dataclass
class Authenticator:
    """One credential. `count` rises with each signature; None: this authenticator counts none."""

    origin: str
    rp_id: str
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    count: int | None = 0
    user_handle: str = ""

    def _data(self, flags: int, attested: bytes = b"") -> bytes:
        if self.count is not None:
            self.count += 1
        count = (self.count or 0).to_bytes(4, "big")
        return hashlib.sha256(self.rp_id.encode()).digest() + bytes([flags]) + count + attested

    def create(self, options: dict[str, Any], flags: int = FLAGS, **changed: Any) -> dict[str, Any]:
        """The answer to navigator.credentials.create(); `changed` are members of the client data."""
        self.user_handle = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = AAGUID + len(self.credential_id).to_bytes(2, "big") + self.credential_id + key
        data = self._data(flags | ATTESTED, attested)
        values = {"kind": "webauthn.create", "challenge": options["challenge"], "origin": self.origin} | changed
        return self._credential(
            clientDataJSON=b64(client_data(**values)),
            attestationObject=b64(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})),
            transports=["internal"],
        )

    def get(self, options: dict[str, Any], flags: int = FLAGS, **changed: Any) -> dict[str, Any]:
        """The answer to navigator.credentials.get()."""
        data = self._data(flags)
        values = {"kind": "webauthn.get", "challenge": options["challenge"], "origin": self.origin} | changed
        signed = client_data(**values)
        signature = self.key.sign(data + hashlib.sha256(signed).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(
            clientDataJSON=b64(signed),
            authenticatorData=b64(data),
            signature=b64(signature),
            userHandle=self.user_handle,
        )

    def _credential(self, **response: Any) -> dict[str, Any]:
        name = b64(self.credential_id)
        return {
            "id": name, "rawId": name, "type": "public-key", "response": response,
            "clientExtensionResults": {}, "authenticatorAttachment": "platform",
        }  # fmt: skip
