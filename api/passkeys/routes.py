"""Passkeys: sign-in with one, and those of the caller's account."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from api.auth.dependencies import CurrentUser
from api.auth.origins import require_own_origin
from api.auth.problems import WrongPassword
from api.auth.schemas import AccessToken
from api.auth.sessions import SessionStartDep
from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.mail import messages
from api.mail.notices import send_notice
from api.me.confirmation import Confirmed
from api.passkeys import ceremonies
from api.passkeys.problems import PasskeyInvalid, PasskeyRefused, PasskeysDisabled, TooManyPasskeys
from api.passkeys.relying_party import RelyingPartyDep
from api.passkeys.schemas import PasskeyChange, PasskeyList, PasskeyOptions, PasskeyView
from api.passkeys.sign_in import limit_sign_ins, new_passkey, user_of_passkey
from api.problems import NotFound, OriginRefused, documented
from db import audit, passkeys
from db.audit import Action
from db.passkeys import NewPasskey
from db.tables import User

router = APIRouter(tags=["passkeys"])


@router.post(
    "/api/auth/passkey/options",
    responses=documented(429, OriginRefused, PasskeysDisabled),
    dependencies=[Depends(require_own_origin), Depends(limit_sign_ins)],
)
async def sign_in_options(session: Transaction, party: RelyingPartyDep) -> PasskeyOptions:
    """What the browser needs to sign in with a passkey."""
    return PasskeyOptions(options=await ceremonies.sign_in_options(session, party))


@router.post(
    "/api/auth/passkey/login",
    responses=documented(400, 413, 415, 422, 429, OriginRefused, PasskeysDisabled, PasskeyRefused),
    dependencies=[Depends(require_own_origin), Depends(limit_sign_ins)],
)
async def sign_in(start: SessionStartDep, user: Annotated[User, Depends(user_of_passkey)]) -> AccessToken:
    """As POST /api/auth/login. No code is required: a passkey is two factors."""
    return await start.sign_in(user, method="passkey")


@router.post(
    "/api/me/passkeys/options",
    responses=documented(400, 401, 413, 415, 422, 429, WrongPassword, PasskeysDisabled, TooManyPasskeys),
)
async def registration_options(session: Transaction, user: Confirmed, party: RelyingPartyDep) -> PasskeyOptions:
    """What the browser needs to make a passkey. Needs the current password."""
    return PasskeyOptions(options=await ceremonies.registration_options(session, party, user))


@router.post(
    "/api/me/passkeys",
    status_code=201,
    responses=documented(400, 401, 413, 415, 422, PasskeysDisabled, PasskeyInvalid),
)
async def add_passkey(
    session: Transaction,
    gateway: GatewayDep,
    address: ClientAddress,
    new: Annotated[tuple[User, NewPasskey], Depends(new_passkey)],
) -> PasskeyView:
    user, verified = new
    passkey = await passkeys.add(session, user.id, verified)
    if passkey is None:
        raise PasskeyInvalid
    await audit.record(
        session, action=Action.PASSKEY_ADDED, actor_id=user.id, target=("passkey", passkey.id), address=address
    )
    await send_notice(session, gateway, user.email, messages.passkey_added())
    return PasskeyView.model_validate(passkey)


@router.get("/api/me/passkeys", responses=documented(401))
async def list_passkeys(session: Transaction, user: CurrentUser) -> PasskeyList:
    rows = await passkeys.of_user(session, user.id)
    return PasskeyList(data=[PasskeyView.model_validate(row) for row in rows])


@router.patch("/api/me/passkeys/{passkey_id}", responses=documented(400, 401, 404, 413, 415, 422))
async def rename_passkey(
    session: Transaction, address: ClientAddress, user: CurrentUser, passkey_id: UUID, change: PasskeyChange
) -> PasskeyView:
    passkey = await passkeys.rename(session, passkey_id, user_id=user.id, name=change.name)
    if passkey is None:
        raise NotFound
    await audit.record(
        session, action=Action.PASSKEY_RENAMED, actor_id=user.id, target=("passkey", passkey_id), address=address
    )
    return PasskeyView.model_validate(passkey)


@router.delete(
    "/api/me/passkeys/{passkey_id}",
    status_code=204,
    responses=documented(400, 401, 404, 413, 415, 422, 429, WrongPassword),
)
async def remove_passkey(
    session: Transaction, gateway: GatewayDep, address: ClientAddress, user: Confirmed, passkey_id: UUID
) -> None:
    """Remove a passkey. Needs the current password."""
    if not await passkeys.remove(session, passkey_id, user_id=user.id):
        raise NotFound
    await audit.record(
        session, action=Action.PASSKEY_REMOVED, actor_id=user.id, target=("passkey", passkey_id), address=address
    )
    await send_notice(session, gateway, user.email, messages.passkey_removed())
