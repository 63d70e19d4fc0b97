"""The caller's own account: profile, password, sessions, second factor, export, deletion."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from api.auth import cookies, second_factor
from api.auth.dependencies import AuthDep, Caller, CurrentUser
from api.auth.password_reset import change_password
from api.auth.problems import LinkUsed, SecondFactorExists, WrongCode, WrongPassword
from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.mail import messages
from api.mail.notices import send_notice
from api.me import email_change
from api.me.confirmation import Confirmed, confirmed_change
from api.me.email_change import RequestedChange, requested_change
from api.me.export import export_stream
from api.me.schemas import (
    CodeConfirmation,
    EmailChangeAnswer,
    EmailConfirmation,
    NewSecondFactor,
    Profile,
    ProfileChange,
    RecoveryCodes,
    SessionList,
    profile,
    session_list,
)
from api.problems import NotFound, documented
from api.rate_limits import RateLimitsDep
from db import audit, login_sessions, recovery_codes, users
from db.audit import Action
from db.rate_limits import Bucket
from db.tables import User

EXPORTS_PER_DAY = 5
DAY_SECONDS = 86_400
# The problems of a route that needs the current password.
CONFIRMED = (400, 401, 413, 415, 422, 429, WrongPassword)

router = APIRouter(prefix="/api/me", tags=["account"])
log = structlog.get_logger("api.me")


@router.get("", responses=documented(401))
async def me(user: CurrentUser) -> Profile:
    return profile(user)


@router.patch("", responses=documented(400, 401, 413, 415, 422))
async def change_profile(session: Transaction, user: CurrentUser, change: ProfileChange) -> Profile:
    user.display_name = change.display_name
    await session.flush()
    return profile(user)


@router.delete("", status_code=204, responses=documented(*CONFIRMED))
async def delete_account(
    session: Transaction, gateway: GatewayDep, address: ClientAddress, response: Response, user: Confirmed
) -> None:
    """Delete the account and all of its rows at once; its objects are deleted within a day."""
    await users.remove(session, user.id)
    target = ("user", user.id)
    await audit.record(session, action=Action.ACCOUNT_DELETED, actor_id=user.id, target=target, address=address)
    cookies.delete_refresh(response, gateway.settings)
    log.info("account deleted", user_id=str(user.id))


@router.post("/email", status_code=202, responses=documented(*CONFIRMED))
async def change_email(
    session: Transaction,
    gateway: GatewayDep,
    address: ClientAddress,
    change: Annotated[RequestedChange, Depends(requested_change)],
) -> EmailChangeAnswer:
    """Change the e-mail address, once a mail to the new one was confirmed. The answer reveals no other account."""
    await email_change.request_change(session, gateway, change, address)
    return EmailChangeAnswer(email_verification_required=gateway.settings.sends_mail)


@router.post("/email/confirm", responses=documented(400, 401, 413, 415, 422, LinkUsed))
async def confirm_email(
    session: Transaction, gateway: GatewayDep, address: ClientAddress, user: CurrentUser, body: EmailConfirmation
) -> Profile:
    """Use the new address, with the token of the mail that was sent to it."""
    await email_change.confirm_change(session, gateway, user, body.token, address)
    await session.refresh(user)
    return profile(user)


@router.post("/password", status_code=204, responses=documented(*CONFIRMED))
async def set_password(
    session: Transaction,
    gateway: GatewayDep,
    access: Caller,
    address: ClientAddress,
    change: Annotated[tuple[User, str], Depends(confirmed_change)],
) -> None:
    """Change the password, and end all other sessions."""
    user, password_hash = change
    await change_password(session, gateway, user, password_hash)
    await login_sessions.revoke_all(session, user.id, keep=access.session_id)
    target = ("user", user.id)
    await audit.record(session, action=Action.PASSWORD_CHANGED, actor_id=user.id, target=target, address=address)
    log.info("password changed", user_id=str(user.id))


@router.get("/sessions", responses=documented(401, 422))
async def list_sessions(
    session: Transaction,
    access: Caller,
    user: CurrentUser,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    after: Annotated[UUID | None, Query(description="the last_id of the previous page")] = None,
) -> SessionList:
    """The browsers and programs in which the account is signed in, the most recently used first."""
    rows = await login_sessions.of_user(session, user.id, limit=limit, after=after)
    return session_list(rows, limit, access.session_id)


@router.delete("/sessions", status_code=204, responses=documented(401))
async def end_all_sessions(session: Transaction, address: ClientAddress, user: CurrentUser) -> None:
    """Sign out everywhere, in this session too."""
    details = {"ended_sessions": await login_sessions.revoke_all(session, user.id)}
    await audit.record(session, action=Action.ALL_SESSIONS_ENDED, actor_id=user.id, address=address, details=details)


@router.delete("/sessions/{session_id}", status_code=204, responses=documented(401, 404))
async def end_session(session: Transaction, address: ClientAddress, user: CurrentUser, session_id: UUID) -> None:
    if not await login_sessions.revoke(session, session_id, user_id=user.id):
        raise NotFound
    target = ("session", session_id)
    await audit.record(session, action=Action.SESSION_ENDED, actor_id=user.id, target=target, address=address)


@router.post("/second-factor", status_code=201, responses=documented(*CONFIRMED, SecondFactorExists))
async def new_second_factor(session: Transaction, auth: AuthDep, user: Confirmed) -> NewSecondFactor:
    """A secret for an authenticator. No code is required until it is confirmed."""
    if user.totp_enabled_at is not None:
        raise SecondFactorExists
    secret = second_factor.new_secret()
    await users.set_totp(session, user.id, secret=second_factor.encrypt(auth.keys, secret))
    return NewSecondFactor(secret=secret, uri=second_factor.uri(secret, user.email))


@router.post("/second-factor/confirm", responses=documented(400, 401, 413, 415, 422, WrongCode))
async def confirm_second_factor(
    session: Transaction,
    gateway: GatewayDep,
    auth: AuthDep,
    address: ClientAddress,
    user: CurrentUser,
    body: CodeConfirmation,
) -> RecoveryCodes:
    """Require codes from now on. The recovery codes are shown once."""
    secret = second_factor.decrypt(auth.keys, user.totp_secret or "")
    step = second_factor.step_of(secret, body.code) if secret else None
    if step is None or not await users.accept_totp_step(session, user.id, step):
        raise WrongCode
    codes = second_factor.new_recovery_codes()
    await recovery_codes.replace(session, user.id, map(second_factor.recovery_hash, codes))
    await users.set_totp(session, user.id, secret=user.totp_secret, enabled=True)
    await audit.record(session, action=Action.SECOND_FACTOR_ENABLED, actor_id=user.id, address=address)
    await send_notice(session, gateway, user.email, messages.second_factor_enabled())
    return RecoveryCodes(recovery_codes=codes)


@router.delete("/second-factor", status_code=204, responses=documented(*CONFIRMED))
async def remove_second_factor(
    session: Transaction, gateway: GatewayDep, address: ClientAddress, user: Confirmed
) -> None:
    await users.set_totp(session, user.id, secret=None)
    await recovery_codes.replace(session, user.id, ())
    await audit.record(session, action=Action.SECOND_FACTOR_REMOVED, actor_id=user.id, address=address)
    await send_notice(session, gateway, user.email, messages.second_factor_removed())


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses=documented(401, 429, _200="a zip of the account, its jobs and its files"),
)
async def export(
    session: Transaction, gateway: GatewayDep, limits: RateLimitsDep, access: Caller, address: ClientAddress
) -> StreamingResponse:
    """Everything that is stored about the account, as a zip."""
    await limits.take(Bucket("export of this account", str(access.user_id), EXPORTS_PER_DAY, DAY_SECONDS))
    chunks = await export_stream(gateway, access)
    await audit.record(session, action=Action.ACCOUNT_EXPORTED, actor_id=access.user_id, address=address)
    headers = {"Content-Disposition": 'attachment; filename="auraanim-export.zip"'}
    return StreamingResponse(chunks, media_type="application/zip", headers=headers)
