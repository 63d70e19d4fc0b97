"""Registration and sign-in: a short-lived access token per request, a rotating refresh token in a cookie."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Cookie, Depends, Request, Response

from api.auth import tokens
from api.auth.dependencies import Auth, AuthDep, CurrentUser
from api.auth.schemas import AccessToken, Account, Credentials
from api.dependencies import Gateway, GatewayDep, Transaction, client_host
from api.problems import OriginRefused, TokenRefused, WrongCredentials, documented, problem_response
from api.rate_limits import network_of
from api.settings import Settings
from db import refresh_tokens, users
from db.tables import User

COOKIE = "aura_refresh"
COOKIE_PATH = "/api/auth"
DAY_SECONDS = 86_400
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


async def require_own_origin(request: Request, gateway: GatewayDep) -> None:
    """Refuse cross-site requests, which would carry the visitor's cookie."""
    origin, settings = request.headers.get("origin"), gateway.settings
    if origin is None:
        trusted = request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    else:
        own = f"{request.url.scheme}://{request.headers.get('host', '')}"
        loopback = settings.development and urlsplit(origin).hostname in LOOPBACK
        trusted = origin == own or origin in settings.origins or loopback
    if not trusted:
        raise OriginRefused


router = APIRouter(prefix=COOKIE_PATH, tags=["auth"], dependencies=[Depends(require_own_origin)])
profile = APIRouter(prefix="/api", tags=["auth"])


async def new_account(request: Request, auth: AuthDep, credentials: Credentials) -> tuple[str, str]:
    """The email address of the new account and the hash of its password, computed before a connection is taken."""
    auth.registrations.take(network_of(client_host(request)))
    return credentials.email, await auth.passwords.hash(credentials.password)


async def authenticate(request: Request, gateway: GatewayDep, auth: AuthDep, credentials: Credentials) -> User:
    """The user with these credentials, or WrongCredentials.

    Failures are limited per account and client address. The limits per account alone and per address alone are much
    higher: otherwise failures from other addresses would lock the owner out.
    """
    network, email = network_of(client_host(request)), credentials.email.lower()
    with (
        auth.logins.limit_failures(f"{email} from {network}", WrongCredentials),
        auth.logins_per_key.limit_failures(f"from {network}", WrongCredentials),
        auth.logins_per_key.limit_failures(email, WrongCredentials),
    ):
        return await verify_credentials(gateway, auth, credentials)


async def verify_credentials(gateway: Gateway, auth: Auth, credentials: Credentials) -> User:
    async with gateway.sessions() as session:
        user = await users.by_email(session, credentials.email)
    correct = await auth.passwords.verify(credentials.password, user.password_hash if user else None)
    if user is None or not correct or user.disabled_at is not None:
        raise WrongCredentials
    return user


def set_cookie(response: Response, settings: Settings, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=settings.refresh_token_days * DAY_SECONDS,
        path=COOKIE_PATH,
        httponly=True,
        samesite="lax",
        secure=not settings.development,
    )


def new_access_token(auth: Auth, user_id: UUID) -> AccessToken:
    return AccessToken(access_token=auth.tokens.issue(user_id), expires_in=auth.tokens.lifetime_seconds)


@router.post("/register", status_code=201, responses=documented(409, 422, 429))
async def register(session: Transaction, account: Annotated[tuple[str, str], Depends(new_account)]) -> Account:
    email, password_hash = account
    return Account.model_validate(await users.create(session, email=email, password_hash=password_hash))


@router.post("/login", responses=documented(401, 403, 422, 429))
async def login(
    request: Request,
    response: Response,
    gateway: GatewayDep,
    auth: AuthDep,
    session: Transaction,
    user: Annotated[User, Depends(authenticate)],
) -> AccessToken:
    """An access token, and a refresh token as a cookie for `/api/auth` only."""
    token = tokens.new_refresh_token()
    await refresh_tokens.create_family(
        session,
        user_id=user.id,
        refresh_hash=tokens.refresh_hash(token),
        lifetime_seconds=gateway.settings.refresh_token_days * DAY_SECONDS,
        user_agent=request.headers.get("user-agent", "")[:200],
    )
    set_cookie(response, gateway.settings, token)
    return new_access_token(auth, user.id)


RefreshCookie = Annotated[str, Cookie(alias=COOKIE)]


@router.post("/refresh", response_model=AccessToken, responses=documented(401, 403))
async def refresh(
    request: Request,
    response: Response,
    gateway: GatewayDep,
    auth: AuthDep,
    session: Transaction,
    cookie: RefreshCookie = "",
) -> AccessToken | Response:
    """A new access token and a new refresh cookie. Reuse of an old cookie revokes the token family."""
    token = tokens.new_refresh_token()
    rotated = await refresh_tokens.rotate(
        session,
        refresh_hash=tokens.refresh_hash(cookie),
        new_hash=tokens.refresh_hash(token),
        lifetime_seconds=gateway.settings.refresh_token_days * DAY_SECONDS,
    )
    if rotated is None:
        # Returned instead of raised: the revocation that rotate() may have made must be committed.
        return await problem_response(request, TokenRefused())
    set_cookie(response, gateway.settings, token)
    return new_access_token(auth, rotated.user_id)


@router.post("/logout", status_code=204, responses=documented(403))
async def logout(response: Response, session: Transaction, cookie: RefreshCookie = "") -> None:
    await refresh_tokens.revoke_family(session, tokens.refresh_hash(cookie))
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="lax")


@profile.get("/me", responses=documented(401))
async def me(user: CurrentUser) -> Account:
    return Account.model_validate(user)
