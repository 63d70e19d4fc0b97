"""The two ceremonies of WebAuthn, with the library `webauthn`: registration of a passkey, and sign-in with one.

User verification (a PIN, a fingerprint or the like) is required, so a passkey is two factors: neither a password nor a
code is needed. A challenge is valid once: it is deleted before the answer to it is verified.
"""

import secrets
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import bytes_to_base64url, options_to_json_dict, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from api.auth.tokens import token_hash
from api.dependencies import Gateway
from api.passkeys.problems import PasskeyInvalid, TooManyPasskeys
from api.passkeys.relying_party import NAME, RelyingParty
from db import one_time_tokens, passkeys
from db.passkeys import NewPasskey
from db.tables import Purpose, User

CHALLENGE_SECONDS: Final = 300
CHALLENGE_BYTES: Final = 32
MAX_PASSKEYS: Final = 20
MAX_TRANSPORTS: Final = 10
# What the library raises for an answer that a browser would not give: its own errors, and those of its parsers.
REFUSED: Final = (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, OverflowError)
log = structlog.get_logger("api.passkeys")


async def registration_options(session: AsyncSession, party: RelyingParty, user: User) -> dict[str, Any]:
    known = await passkeys.of_user(session, user.id)
    if len(known) >= MAX_PASSKEYS:
        raise TooManyPasskeys
    options = generate_registration_options(
        rp_id=party.id,
        rp_name=NAME,
        user_id=user.id.bytes,
        user_name=user.email,
        user_display_name=user.display_name or user.email,
        challenge=await _new_challenge(session, Purpose.PASSKEY_REGISTRATION, user.id),
        timeout=CHALLENGE_SECONDS * 1000,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in known],
    )
    return options_to_json_dict(options)


async def sign_in_options(session: AsyncSession, party: RelyingParty) -> dict[str, Any]:
    """The same for all visitors: the browser shows the passkeys that it has, so the answer does not reveal accounts."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=await _new_challenge(session, Purpose.PASSKEY_SIGN_IN, None),
        timeout=CHALLENGE_SECONDS * 1000,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


async def _new_challenge(session: AsyncSession, purpose: Purpose, user_id: UUID | None) -> bytes:
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    await one_time_tokens.create(
        session,
        purpose=purpose,
        token_hash=token_hash(bytes_to_base64url(challenge)),
        lifetime_seconds=CHALLENGE_SECONDS,
        user_id=user_id,
    )
    return challenge


async def redeem_challenge(
    gateway: Gateway, purpose: Purpose, credential: dict[str, Any], user_id: UUID | None = None
) -> bytes | None:
    """The challenge that the browser signed, if it was made for this purpose and user and not used before.

    In a transaction of its own: a refused answer uses the challenge up, too.
    """
    try:
        client_data = parse_client_data_json(base64url_to_bytes(credential["response"]["clientDataJSON"]))
    except REFUSED:
        return None
    hashed = token_hash(bytes_to_base64url(client_data.challenge))
    async with gateway.sessions.begin() as session:
        found = await one_time_tokens.redeem(session, purpose=purpose, token_hash=hashed)
    return client_data.challenge if found and found.user_id == user_id else None


def verify_registration(party: RelyingParty, challenge: bytes, credential: dict[str, Any], name: str) -> NewPasskey:
    """Raises PasskeyInvalid."""
    try:
        verified = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origins,
            require_user_verification=True,
        )
        transports = [str(way)[:32] for way in credential["response"].get("transports") or ()][:MAX_TRANSPORTS]
    except REFUSED as error:
        log.warning("new passkey refused", error=type(error).__name__)
        raise PasskeyInvalid from error
    return NewPasskey(
        credential_id=verified.credential_id,
        public_key=verified.credential_public_key,
        sign_count=verified.sign_count,
        transports=transports,
        backed_up=verified.credential_backed_up,
        name=name,
    )


async def verify_sign_in(
    session: AsyncSession, party: RelyingParty, challenge: bytes, credential: dict[str, Any]
) -> tuple[User | None, UUID | None]:
    """The account that signed in, and the account of the passkey if the passkey is known."""
    try:
        credential_id = base64url_to_bytes(credential["rawId"])
        handle = credential["response"].get("userHandle")
        user_handle = base64url_to_bytes(handle) if handle else None
    except REFUSED:
        return None, None
    found = await passkeys.by_credential(session, credential_id)
    if found is None:
        return None, None
    passkey, user = found
    try:
        verified = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=party.origins,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except REFUSED as error:
        log.warning("passkey refused", error=type(error).__name__, user_id=str(user.id))
        return None, user.id
    if user.disabled_at is not None or user_handle not in (None, user.id.bytes):
        return None, user.id
    await passkeys.record_use(
        session, passkey, sign_count=verified.new_sign_count, backed_up=verified.credential_backed_up
    )
    return user, user.id
