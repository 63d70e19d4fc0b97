"""Accounts and sign-ins: a short access token for every request, a rotating refresh token as cookie."""

import re
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Cookie, Depends, Request, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from api import tokens
from api.edge import Gateway, Me, Parts, Transaction, client_host
from api.limits import neighbourhood
from api.problems import OriginRefused, TokenRefused, WrongCredentials, answer, documented
from db import sign_ins, users
from db.models import User

COOKIE = "aura_refresh"
COOKIE_PATH = "/api/auth"
DAY = 86_400
# What a browser accepts in <input type="email">; no look-up, so that addresses of a private network work too.
LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{LABEL}(?:\.{LABEL})*")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _email(value: str) -> str:
    if not EMAIL.fullmatch(value := value.strip()):
        raise ValueError("must be an email address")
    return value


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(max_length=254), AfterValidator(_email)]
    password: Annotated[str, Field(min_length=8, max_length=256)]


class Account(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    created_at: AwareDatetime


class AccessToken(BaseModel):
    access_token: str
    token_type: str = "bearer"  # noqa: S105 (the name of a scheme)
    expires_in: int = Field(description="seconds")


def _is_loopback(origin: str) -> bool:
    return urlsplit(origin).hostname in LOOPBACK


async def own_origin(request: Request, parts: Parts) -> None:
    """A browser names the page behind each POST; a page of another site may not use the visitor's cookie."""
    origin, settings = request.headers.get("origin"), parts.settings
    if origin is None:
        trusted = request.headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    else:
        here = f"{request.url.scheme}://{request.headers.get('host', '')}"
        trusted = origin == here or origin in settings.origins or (settings.development and _is_loopback(origin))
    if not trusted:
        raise OriginRefused


router = APIRouter(prefix=COOKIE_PATH, tags=["auth"], dependencies=[Depends(own_origin)])
profile = APIRouter(prefix="/api", tags=["auth"])


async def registering(request: Request, parts: Parts, credentials: Credentials) -> tuple[str, str]:
    """The new account's address and the hash of its password."""
    parts.registrations.take(neighbourhood(client_host(request)))
    return credentials.email, await parts.passwords.hash(credentials.password)


async def signing_in(request: Request, parts: Parts, credentials: Credentials) -> User:
    """The user, when the password is right. Tries fail at one account from one address a few times only; each of the
    two alone is good for many more, so that a stranger elsewhere does not lock the owner out."""
    host, email = neighbourhood(client_host(request)), credentials.email.lower()
    with (
        parts.logins.attempt(f"{email} from {host}", WrongCredentials),
        parts.logins_at_large.attempt(f"from {host}", WrongCredentials),
        parts.logins_at_large.attempt(email, WrongCredentials),
    ):
        return await owner_of(parts, credentials)


async def owner_of(parts: Gateway, credentials: Credentials) -> User:
    async with parts.sessions() as session:
        user = await users.by_email(session, credentials.email)
    known = await parts.passwords.verify(credentials.password, user.password_hash if user else None)
    if user is None or not known or user.disabled_at is not None:
        raise WrongCredentials
    return user


def set_cookie(response: Response, parts: Gateway, token: str) -> None:
    response.set_cookie(
        COOKIE,
        token,
        max_age=parts.settings.REFRESH_TOKEN_DAYS * DAY,
        path=COOKIE_PATH,
        httponly=True,
        samesite="lax",
        secure=not parts.settings.development,
    )


def new_access(parts: Gateway, user_id: UUID) -> AccessToken:
    return AccessToken(access_token=parts.tokens.access(user_id), expires_in=parts.tokens.lifetime_seconds)


@router.post("/register", status_code=201, responses=documented(409, 422, 429))
async def register(session: Transaction, account: Annotated[tuple[str, str], Depends(registering)]) -> Account:
    email, password_hash = account
    return Account.model_validate(await users.create(session, email=email, password_hash=password_hash))


@router.post("/login", responses=documented(401, 403, 422, 429))
async def login(
    request: Request, response: Response, parts: Parts, session: Transaction, user: Annotated[User, Depends(signing_in)]
) -> AccessToken:
    """The access token, and the refresh token as a cookie that only `/api/auth` receives."""
    await sign_ins.open_(
        session,
        user_id=user.id,
        refresh_hash=tokens.refresh_hash(token := tokens.new_refresh_token()),
        lifetime_seconds=parts.settings.REFRESH_TOKEN_DAYS * DAY,
        user_agent=request.headers.get("user-agent", "")[:200],
    )
    set_cookie(response, parts, token)
    return new_access(parts, user.id)


RefreshCookie = Annotated[str, Cookie(alias=COOKIE)]


@router.post("/refresh", response_model=AccessToken, responses=documented(401, 403))
async def refresh(
    request: Request, response: Response, parts: Parts, session: Transaction, cookie: RefreshCookie = ""
) -> AccessToken | Response:
    """A new access token for the cookie, and a new cookie. A cookie used twice ends the sign-in everywhere."""
    renewed = await sign_ins.rotate(
        session,
        refresh_hash=tokens.refresh_hash(cookie),
        new_hash=tokens.refresh_hash(token := tokens.new_refresh_token()),
        lifetime_seconds=parts.settings.REFRESH_TOKEN_DAYS * DAY,
    )
    if renewed is None:
        return answer(request, TokenRefused())  # answered, not raised: what rotate() revoked must be committed
    set_cookie(response, parts, token)
    return new_access(parts, renewed.user_id)


@router.post("/logout", status_code=204, responses=documented(403))
async def logout(response: Response, session: Transaction, cookie: RefreshCookie = "") -> None:
    await sign_ins.close(session, tokens.refresh_hash(cookie))
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="lax")


@profile.get("/me", responses=documented(401))
async def me(user: Me) -> Account:
    return Account.model_validate(user)
