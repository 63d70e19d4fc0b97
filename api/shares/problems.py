"""Problems of the share routes.

Problem
└── Unauthenticated 401 ── PasswordRequired, WrongSharePassword
"""

from api.problems import Unauthenticated


class PasswordRequired(Unauthenticated):
    """This link has a password: send it with POST."""

    code = "password_required"


class WrongSharePassword(Unauthenticated):
    """The password of this link is wrong."""

    code = "wrong_password"
