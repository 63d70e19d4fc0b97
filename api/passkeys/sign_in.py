"""Sign-in with a passkey, without a name and a password."""

from fastapi import Request

from api.auth.dependencies import AuthDep, Caller, live_user
from api.auth.sign_in import record_refusal
from api.dependencies import GatewayDep, client_host
from api.networks import network_of, site_of
from api.passkeys import ceremonies
from api.passkeys.problems import PasskeyInvalid, PasskeyRefused
from api.passkeys.relying_party import RelyingPartyDep
from api.passkeys.schemas import PasskeyRegistration, PasskeySignIn
from db.passkeys import NewPasskey
from db.rate_limits import Bucket
from db.tables import Purpose, User

# Multipliers of the limit on wrong passwords of one account.
NETWORK_FACTOR = 10
SITE_FACTOR = 30


async def limit_sign_ins(request: Request, auth: AuthDep) -> None:
    """Raises TooManyRequests. For challenges and for answers, because each is a row in the database."""
    host, per_minute = client_host(request), auth.throttle.per_minute
    await auth.rate_limits.take(
        Bucket("passkey sign-in from this network", network_of(host), per_minute * NETWORK_FACTOR),
        Bucket("passkey sign-in from this site", site_of(host), per_minute * SITE_FACTOR),
    )


async def user_of_passkey(request: Request, gateway: GatewayDep, party: RelyingPartyDep, body: PasskeySignIn) -> User:
    """The account whose passkey signed the challenge. Raises PasskeyRefused: the same for unknown and invalid ones."""
    challenge = await ceremonies.redeem_challenge(gateway, Purpose.PASSKEY_SIGN_IN, body.credential)
    user, known = None, None
    if challenge is not None:
        async with gateway.sessions.begin() as session:
            user, known = await ceremonies.verify_sign_in(session, party, challenge, body.credential)
    if user is None:
        await record_refusal(gateway, "passkey refused", known, client_host(request))
        raise PasskeyRefused
    return user


async def new_passkey(
    gateway: GatewayDep, access: Caller, party: RelyingPartyDep, body: PasskeyRegistration
) -> tuple[User, NewPasskey]:
    """The caller, and the verified passkey. Raises PasskeyInvalid."""
    async with gateway.sessions() as session:
        user = await live_user(session, access)
    challenge = await ceremonies.redeem_challenge(gateway, Purpose.PASSKEY_REGISTRATION, body.credential, user.id)
    if challenge is None:
        raise PasskeyInvalid
    return user, ceremonies.verify_registration(party, challenge, body.credential, body.name)
