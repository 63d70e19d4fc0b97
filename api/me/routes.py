"""The caller's own account: profile, password, sessions, second factor, export, deletion."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Response
from fastapi.responses import StreamingResponse

from api.auth import cookies, second_factor
from api.auth.dependencies import AuthDep, Caller, CurrentUser
from api.auth.password_reset import change_password
from api.auth.problems import SecondFactorExists, WrongCode
from api.dependencies import GatewayDep, Transaction
from api.me.confirmation import confirmed_change, confirmed_user
from api.me.export import export_stream
from api.me.schemas import (
    CodeConfirmation,
    NewSecondFactor,
    Profile,
    ProfileChange,
    RecoveryCodes,
    SessionList,
    profile,
    session_view,
)
from api.problems import NotFound, documented
from api.rate_limits import RateLimitsDep
from db import login_sessions, recovery_codes, users
from db.rate_limits import Bucket
from db.tables import User

EXPORTS_PER_DAY = 5
DAY_SECONDS = 86_400

router = APIRouter(prefix="/api/me", tags=["account"])
log = structlog.get_logger("api.me")

Confirmed = Annotated[User, Depends(confirmed_user)]


@router.get("", responses=documented(401))
async def me(user: CurrentUser) -> Profile:
    return profile(user)


@router.patch("", responses=documented(400, 401, 413, 415, 422))
async def change_profile(session: Transaction, user: CurrentUser, change: ProfileChange) -> Profile:
    user.display_name = change.display_name
    await session.flush()
    return profile(user)


@router.delete("", status_code=204, responses=documented(400, 401, 403, 413, 415, 422, 429))
async def delete_account(session: Transaction, gateway: GatewayDep, response: Response, user: Confirmed) -> None:
    """Delete the account and all of its rows at once; its objects are deleted within a day."""
    await users.remove(session, user.id)
    cookies.delete_refresh(response, gateway.settings)
    log.info("account deleted", user_id=str(user.id))


@router.post("/password", status_code=204, responses=documented(400, 401, 403, 413, 415, 422, 429))
async def set_password(
    session: Transaction,
    gateway: GatewayDep,
    access: Caller,
    change: Annotated[tuple[User, str], Depends(confirmed_change)],
) -> None:
    """Change the password, and end all other sessions."""
    user, password_hash = change
    await change_password(session, gateway, user, password_hash)
    await login_sessions.revoke_all(session, user.id, keep=access.session_id)
    log.info("password changed", user_id=str(user.id))


@router.get("/sessions", responses=documented(401))
async def list_sessions(session: Transaction, access: Caller, user: CurrentUser) -> SessionList:
    """The browsers and programs in which the account is signed in."""
    rows = await login_sessions.of_user(session, user.id)
    return SessionList(data=[session_view(row, access.session_id) for row in rows])


@router.delete("/sessions", status_code=204, responses=documented(401))
async def end_all_sessions(session: Transaction, user: CurrentUser) -> None:
    """Sign out everywhere, in this session too."""
    await login_sessions.revoke_all(session, user.id)


@router.delete("/sessions/{session_id}", status_code=204, responses=documented(401, 404))
async def end_session(session: Transaction, user: CurrentUser, session_id: UUID) -> None:
    if not await login_sessions.revoke(session, session_id, user_id=user.id):
        raise NotFound


@router.post("/second-factor", status_code=201, responses=documented(400, 401, 403, 409, 413, 415, 422, 429))
async def new_second_factor(session: Transaction, auth: AuthDep, user: Confirmed) -> NewSecondFactor:
    """A secret for an authenticator. No code is asked for until it is confirmed."""
    if user.totp_enabled_at is not None:
        raise SecondFactorExists
    secret = second_factor.new_secret()
    await users.set_totp(session, user.id, secret=second_factor.encrypt(auth.keys, secret))
    return NewSecondFactor(secret=secret, uri=second_factor.uri(secret, user.email))


@router.post("/second-factor/confirm", responses=documented(400, 401, 403, 413, 415, 422, 429))
async def confirm_second_factor(
    session: Transaction, auth: AuthDep, user: CurrentUser, body: CodeConfirmation
) -> RecoveryCodes:
    """Ask for codes from now on. The recovery codes are shown once."""
    secret = second_factor.decrypt(auth.keys, user.totp_secret or "")
    step = second_factor.step_of(secret, body.code) if secret else None
    if step is None or not await users.accept_totp_step(session, user.id, step):
        raise WrongCode
    codes = second_factor.new_recovery_codes()
    await recovery_codes.replace(session, user.id, map(second_factor.recovery_hash, codes))
    await users.set_totp(session, user.id, secret=user.totp_secret, enabled=True)
    return RecoveryCodes(recovery_codes=codes)


@router.delete("/second-factor", status_code=204, responses=documented(400, 401, 403, 413, 415, 422, 429))
async def remove_second_factor(session: Transaction, user: Confirmed) -> None:
    await users.set_totp(session, user.id, secret=None)
    await recovery_codes.replace(session, user.id, ())


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses=documented(401, 429, _200="a zip of the account, its jobs and its files"),
)
async def export(gateway: GatewayDep, limits: RateLimitsDep, access: Caller) -> StreamingResponse:
    """Everything that is stored about the account, as a zip."""
    await limits.take(Bucket("export of this account", str(access.user_id), EXPORTS_PER_DAY, DAY_SECONDS))
    headers = {"Content-Disposition": 'attachment; filename="auraanim-export.zip"'}
    return StreamingResponse(await export_stream(gateway, access), media_type="application/zip", headers=headers)
