"""The texts of the mails. Links lead to pages of the web app, with the token in the fragment: no server logs it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    subject: str
    body: str


def _link(public_url: str, page: str, token: str) -> str:
    return f"{public_url.rstrip('/')}/{page}#token={token}"


def verify_email(public_url: str, token: str) -> Message:
    return Message(
        "Confirm your e-mail address",
        f"""Somebody, probably you, created an AuraAnim account with this address. To confirm it, open

{_link(public_url, "verify-email", token)}

The link is valid for 24 hours. If it was not you, ignore this mail: there will be no account.
""",
    )


def account_exists(public_url: str, token: str) -> Message:
    return Message(
        "You have an AuraAnim account already",
        f"""Somebody, probably you, tried to create an AuraAnim account with this address. It has one already: sign in
with your password, or choose a new one:

{_link(public_url, "reset-password", token)}

The link is valid for one hour. If it was not you, ignore this mail: nothing has changed.
""",
    )


def reset_password(public_url: str, token: str) -> Message:
    return Message(
        "Choose a new password",
        f"""Somebody, probably you, asked for a new password of your AuraAnim account. To choose one, open

{_link(public_url, "reset-password", token)}

The link is valid for one hour. If it was not you, ignore this mail: nothing has changed.
""",
    )


def password_changed() -> Message:
    return Message(
        "Your password was changed",
        """The password of your AuraAnim account was changed, and all other devices were signed out. If it was not you,
request a new password at once.
""",
    )
