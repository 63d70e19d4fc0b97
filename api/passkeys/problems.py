"""Problems of the passkey routes.

Problem
├── Unauthenticated 401 ── PasskeyRefused
├── PasskeysDisabled 403, PasskeyInvalid 403
└── TooManyPasskeys 409
"""

from api.problems import Problem, Unauthenticated


class PasskeyRefused(Unauthenticated):
    """The passkey is unknown, or its signature or challenge is not valid; start again."""

    code = "passkey_refused"


class PasskeysDisabled(Problem):
    """Browsers offer passkeys only where PUBLIC_URL is https with a host name, and on localhost in development mode."""

    status, code = 403, "passkeys_disabled"


class PasskeyInvalid(Problem):
    """The new passkey or its challenge is not valid, or it belongs to an account already; start again."""

    status, code = 403, "passkey_invalid"


class TooManyPasskeys(Problem):
    """The account has as many passkeys as it may: remove one first."""

    status, code = 409, "too_many_passkeys"
