"""Registration and sign-in: a short-lived access token per request, a rotating refresh token in a cookie."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth import cookies, password_reset, registration
from api.auth.dependencies import AuthDep
from api.auth.origins import require_own_origin
from api.auth.password_reset import Reset, new_reset, requested_reset
from api.auth.problems import InvitationRefused, LinkUsed, MailDisabled, RegistrationClosed, SecondFactorRequired
from api.auth.registration import NewAccount, new_account
from api.auth.schemas import AccessToken, Account, EmailVerification
from api.auth.sessions import SessionStartDep, new_access_token
from api.auth.sign_in import authenticate
from api.auth.tokens import new_token, token_hash
from api.dependencies import ClientAddress, GatewayDep, Transaction, client_host
from api.problems import OriginRefused, TokenRefused, WrongCredentials, documented, problem_response
from db import refresh_tokens
from db.tables import User

PATH = "/api/auth"

router = APIRouter(prefix=PATH, tags=["auth"], dependencies=[Depends(require_own_origin)])


@router.post(
    "/register",
    status_code=201,
    responses=documented(400, 413, 415, 422, 429, OriginRefused, RegistrationClosed, InvitationRefused),
)
async def register(
    session: Transaction,
    gateway: GatewayDep,
    address: ClientAddress,
    account: Annotated[NewAccount, Depends(new_account)],
) -> Account:
    """Create an account. The answer does not reveal whether the address has one already."""
    return await registration.register(session, gateway, account, address)


@router.post("/verify-email", status_code=204, responses=documented(400, 413, 415, 422, OriginRefused, LinkUsed))
async def verify_email(session: Transaction, address: ClientAddress, body: EmailVerification) -> None:
    """Create the account for which the mail with this token was sent."""
    await registration.verify_email(session, body.token, address)


@router.post(
    "/login",
    responses=documented(400, 413, 415, 422, 429, OriginRefused, WrongCredentials, SecondFactorRequired),
)
async def login(start: SessionStartDep, user: Annotated[User, Depends(authenticate)]) -> AccessToken:
    """An access token, and a refresh token as a cookie."""
    return await start.sign_in(user, method="password", second_factor=user.totp_enabled_at is not None)


@router.post("/refresh", response_model=AccessToken, responses=documented(401, OriginRefused))
async def refresh(
    request: Request, response: Response, gateway: GatewayDep, auth: AuthDep, session: Transaction
) -> AccessToken | Response:
    """A new access token and a new refresh cookie. Reuse of an old cookie ends the session."""
    token = new_token()
    rotated = await refresh_tokens.rotate(
        session,
        refresh_hash=token_hash(cookies.read(request, cookies.REFRESH)),
        new_hash=token_hash(token),
        lifetime_seconds=gateway.settings.refresh_token_days * cookies.DAY_SECONDS,
        address=client_host(request),
    )
    if rotated is None:
        # Returned instead of raised: the revocation that rotate() may have made must be committed.
        return await problem_response(request, TokenRefused())
    cookies.set_refresh(response, gateway.settings, token)
    return new_access_token(auth, rotated)


@router.post("/logout", status_code=204, responses=documented(OriginRefused))
async def logout(request: Request, response: Response, gateway: GatewayDep, session: Transaction) -> None:
    """End the session of the refresh cookie: its access tokens are refused at once, its streams end in seconds."""
    hashed = token_hash(cookies.read(request, cookies.REFRESH))
    await refresh_tokens.revoke_family(session, hashed, address=client_host(request))
    cookies.delete_refresh(response, gateway.settings)


@router.post(
    "/password/forgot",
    status_code=202,
    responses=documented(400, 413, 415, 422, 429, OriginRefused, MailDisabled),
)
async def forgot_password(
    session: Transaction,
    gateway: GatewayDep,
    address: ClientAddress,
    email: Annotated[str, Depends(requested_reset)],
) -> None:
    """Send a link with which a new password can be chosen, if the address has an account."""
    await password_reset.send_link(session, gateway, email, address)


@router.post(
    "/password/reset",
    status_code=204,
    responses=documented(400, 413, 415, 422, 429, OriginRefused, LinkUsed),
)
async def reset_password(
    session: Transaction,
    gateway: GatewayDep,
    address: ClientAddress,
    reset: Annotated[Reset, Depends(new_reset)],
) -> None:
    """Choose a new password with the token of a link, which is valid once. Ends all sessions of the account."""
    await password_reset.reset_password(session, gateway, reset, address)
