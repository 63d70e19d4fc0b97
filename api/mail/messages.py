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


def change_email(public_url: str, token: str) -> Message:
    return Message(
        "Confirm your new e-mail address",
        f"""Somebody, probably you, wants to use this address for an AuraAnim account. To confirm it, sign in and open

{_link(public_url, "change-email", token)}

The link is valid for 24 hours. If it was not you, ignore this mail: nothing has changed.
""",
    )


def email_changed() -> Message:
    return Message(
        "Your e-mail address was changed",
        """The e-mail address of your AuraAnim account was changed, and mails are no longer sent to this one. If it was
not you, ask the administrator at once.
""",
    )


def passkey_added() -> Message:
    return _credentials_changed("A passkey was added", "A passkey was added to your AuraAnim account.")


def passkey_removed() -> Message:
    return _credentials_changed("A passkey was removed", "A passkey of your AuraAnim account was removed.")


def key_added(name: str) -> Message:
    return _credentials_changed("An API key was made", f"An API key was made for your AuraAnim account: {name}.")


def webhook_added(url: str) -> Message:
    return _credentials_changed("A webhook was added", f"A webhook was added to your AuraAnim account: {url}")


def webhook_disabled(url: str) -> Message:
    return Message(
        "A webhook was disabled",
        f"""This webhook of your AuraAnim account is not called any more, because it answered 410 or failed for days:

{url}

Its log has the reason. What it has not received is sent for 30 days after the event once you enable it again.
""",
    )


def second_factor_enabled() -> Message:
    return _credentials_changed(
        "The second factor was turned on", "Sign-in to your AuraAnim account now asks for a code of your authenticator."
    )


def second_factor_removed() -> Message:
    return _credentials_changed(
        "The second factor was turned off", "Sign-in to your AuraAnim account no longer asks for a code."
    )


def _credentials_changed(subject: str, fact: str) -> Message:
    advice = "If it was not you, choose a new password at once, and look through your sessions, passkeys and API keys."
    return Message(subject, f"{fact}\n{advice}\n")
