"""Registration and sign-in: a short-lived access token per request, a rotating refresh token in a cookie."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.auth import cookies, password_reset, registration
from api.auth.dependencies import Auth, AuthDep
from api.auth.origins import require_own_origin
from api.auth.password_reset import Reset, new_reset, requested_reset
from api.auth.registration import NewAccount, new_account
from api.auth.schemas import AccessToken, Account, Credentials, EmailVerification
from api.auth.sign_in import authenticate
from api.auth.tokens import new_token, token_hash
from api.dependencies import GatewayDep, Transaction
from api.problems import TokenRefused, documented, problem_response
from db import refresh_tokens
from db.tables import RefreshToken, User

PATH = "/api/auth"
MAX_AGENT_CHARS = 200

router = APIRouter(prefix=PATH, tags=["auth"], dependencies=[Depends(require_own_origin)])


def new_access_token(auth: Auth, token: RefreshToken) -> AccessToken:
    access = auth.tokens.issue(token.user_id, token.family_id)
    return AccessToken(access_token=access, expires_in=auth.tokens.lifetime_seconds)


@router.post("/register", status_code=201, responses=documented(400, 403, 413, 415, 422, 429))
async def register(
    session: Transaction, gateway: GatewayDep, account: Annotated[NewAccount, Depends(new_account)]
) -> Account:
    """Create an account. The answer does not reveal whether the address has one already."""
    return await registration.register(session, gateway, account)


@router.post("/verify-email", status_code=204, responses=documented(400, 403, 413, 415, 422))
async def verify_email(session: Transaction, body: EmailVerification) -> None:
    """Create the account for which the mail with this token was sent."""
    await registration.verify_email(session, body.token)


@router.post("/login", responses=documented(400, 401, 403, 413, 415, 422, 429))
async def login(
    request: Request,
    response: Response,
    gateway: GatewayDep,
    auth: AuthDep,
    session: Transaction,
    credentials: Credentials,
    user: Annotated[User, Depends(authenticate)],
) -> AccessToken:
    """An access token, and a refresh token as a cookie."""
    settings, token = gateway.settings, new_token()
    row = await refresh_tokens.create_family(
        session,
        user_id=user.id,
        refresh_hash=token_hash(token),
        lifetime_seconds=settings.refresh_token_days * cookies.DAY_SECONDS,
        session_seconds=settings.session_days * cookies.DAY_SECONDS,
        user_agent=request.headers.get("user-agent", "")[:MAX_AGENT_CHARS],
    )
    cookies.set_refresh(response, settings, token)
    cookies.set_device(response, settings, auth.devices.issue(credentials.email))
    return new_access_token(auth, row)


@router.post("/refresh", response_model=AccessToken, responses=documented(401, 403))
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
    )
    if rotated is None:
        # Returned instead of raised: the revocation that rotate() may have made must be committed.
        return await problem_response(request, TokenRefused())
    cookies.set_refresh(response, gateway.settings, token)
    return new_access_token(auth, rotated)


@router.post("/logout", status_code=204, responses=documented(403))
async def logout(request: Request, response: Response, gateway: GatewayDep, session: Transaction) -> None:
    """End the session of the refresh cookie: its access tokens are refused at once, its streams end in seconds."""
    await refresh_tokens.revoke_family(session, token_hash(cookies.read(request, cookies.REFRESH)))
    cookies.delete_refresh(response, gateway.settings)


@router.post("/password/forgot", status_code=202, responses=documented(400, 403, 413, 415, 422, 429))
async def forgot_password(
    session: Transaction, gateway: GatewayDep, email: Annotated[str, Depends(requested_reset)]
) -> None:
    """Send a link with which a new password can be chosen, if the address has an account."""
    await password_reset.send_link(session, gateway, email)


@router.post("/password/reset", status_code=204, responses=documented(400, 403, 413, 415, 422, 429))
async def reset_password(
    session: Transaction, gateway: GatewayDep, reset: Annotated[Reset, Depends(new_reset)]
) -> None:
    """Choose a new password with the token of a link, which is valid once. Ends all sessions of the account."""
    await password_reset.reset_password(session, gateway, reset)
