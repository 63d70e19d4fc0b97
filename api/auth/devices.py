"""Known devices: a cookie that names the account that has signed in on this device.

It does not authenticate. It gives the device its own limit for wrong passwords, so that attackers who guess passwords
of an account cannot lock out its owner.
"""

import secrets
import time
from typing import Final

from api.auth.keys import KeyRing

LIFETIME_SECONDS: Final = 180 * 86_400
MAX_CHARS: Final = 200
_PURPOSE: Final = "known device"


class Devices:
    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def issue(self, email: str) -> str:
        """The cookie of a device on which somebody has just signed in with this address."""
        expires = int(time.time()) + LIFETIME_SECONDS
        device = secrets.token_hex(16)
        return f"{expires}.{device}.{self._keys.sign(_PURPOSE, _message(email, expires, device))}"

    def known(self, cookie: str, email: str) -> str | None:
        """The id of the device, if somebody has signed in on it with this address."""
        expires, _, rest = cookie[:MAX_CHARS].partition(".")
        device, _, mac = rest.partition(".")
        if not (expires.isascii() and expires.isdecimal() and len(expires) <= 12 and int(expires) > time.time()):
            return None
        return device if self._keys.verify(_PURPOSE, _message(email, int(expires), device), mac) else None


def _message(email: str, expires: int, device: str) -> str:
    return "\0".join((email.lower(), str(expires), device))
