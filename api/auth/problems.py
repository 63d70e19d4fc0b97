"""Problems of the account routes.

Problem
├── Unauthenticated 401 ── SecondFactorRequired
├── SecondFactorExists 409
├── RegistrationClosed 403, InvitationRefused 403, LinkUsed 403, MailDisabled 403
├── WrongPassword 403, WrongCode 403, RoleRequired 403
└── SessionRequired 403, ScopeRequired 403
"""

from api.problems import Problem, Unauthenticated


class SecondFactorRequired(Unauthenticated):
    """The password is correct; the code of the second factor is missing, wrong or was used before."""

    code = "second_factor_required"


class RegistrationClosed(Problem):
    """New accounts cannot be created here."""

    status, code = 403, "registration_closed"


class InvitationRefused(Problem):
    """A valid invitation is required to create an account."""

    status, code = 403, "invitation_refused"


class LinkUsed(Problem):
    """The link is invalid, has expired or was used; request a new one."""

    status, code = 403, "link_used"


class MailDisabled(Problem):
    """This gateway sends no mail: ask its administrator for a new password."""

    status, code = 403, "mail_disabled"


class WrongPassword(Problem):
    """The current password is wrong."""

    status, code = 403, "wrong_password"


class WrongCode(Problem):
    """The code of the second factor is wrong or was used before."""

    status, code = 403, "wrong_code"


class SecondFactorExists(Problem):
    """The account has a second factor: remove it first."""

    status, code = 409, "second_factor_exists"


class RoleRequired(Problem):
    """This account does not have the role that this request requires."""

    status, code = 403, "role_required"


class SessionRequired(Problem):
    """An API key is not accepted here: sign in."""

    status, code = 403, "session_required"


class ScopeRequired(Problem):
    """The API key does not have the scope that this request requires."""

    status, code = 403, "scope_required"

    def __init__(self, scope: str) -> None:
        super().__init__(f"the scope {scope} is required", scope=scope)
        self.headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{scope}"'
