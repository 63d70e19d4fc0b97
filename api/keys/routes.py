"""The API keys of an account. A key cannot manage keys: these routes need a session."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.auth.api_keys import SHOWN_CHARS, key_hash, new_key
from api.auth.dependencies import CurrentUser
from api.auth.problems import RoleRequired
from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.keys.schemas import CreatedKey, KeyList, NewKey, created_key, key_list
from api.mail import messages
from api.mail.notices import send_notice
from api.problems import NotFound, documented
from api.rate_limits import take_in_transaction
from db import api_keys, audit
from db.errors import TooManyKeys
from db.rate_limits import Bucket
from db.tables import Action, Role, Scope, User

KEYS_PER_USER = 50
NEW_KEYS_PER_MINUTE = 20

router = APIRouter(prefix="/api/keys", tags=["keys"])


async def get_owner(session: Transaction, user: CurrentUser, body: NewKey) -> User:
    """The caller, who may have this key. RoleRequired if an account without a role requests the scope `admin`."""
    if Scope.ADMIN in body.scopes and user.role == Role.USER:
        raise RoleRequired
    await take_in_transaction(session, Bucket("new API keys of this account", str(user.id), NEW_KEYS_PER_MINUTE))
    return user


@router.post("", status_code=201, responses=documented(400, 401, 413, 415, 422, 429, RoleRequired, TooManyKeys))
async def create_key(
    session: Transaction,
    gateway: GatewayDep,
    owner: Annotated[User, Depends(get_owner)],
    address: ClientAddress,
    body: NewKey,
) -> CreatedKey:
    """A key for programs. It is shown once; its scopes and its expiry cannot be changed."""
    key = new_key()
    row = await api_keys.create(
        session,
        user_id=owner.id,
        name=body.name,
        prefix=key[:SHOWN_CHARS],
        key_hash=key_hash(key),
        scopes=body.scopes,
        lifetime_days=body.expires_in_days,
        keys_per_user=KEYS_PER_USER,
    )
    await audit.record(
        session,
        action=Action.KEY_CREATED,
        actor_id=owner.id,
        target=("key", row.id),
        address=address,
        details={"name": row.name, "prefix": row.prefix, "scopes": row.scopes},
    )
    await send_notice(session, gateway, owner.email, messages.key_added(row.name))
    return created_key(row, key)


@router.get("", responses=documented(401, 422))
async def list_keys(
    session: Transaction,
    user: CurrentUser,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    after: Annotated[UUID | None, Query(description="the last_id of the previous page")] = None,
    order: Literal["asc", "desc"] = "desc",
) -> KeyList:
    """The keys that were not revoked, the newest first."""
    return key_list(await api_keys.page(session, user_id=user.id, limit=limit, after=after, order=order), limit)


@router.delete("/{key_id}", status_code=204, responses=documented(401, 404))
async def revoke_key(session: Transaction, user: CurrentUser, address: ClientAddress, key_id: UUID) -> None:
    """Revoke a key: requests with it are refused at once, and its streams end within seconds."""
    row = await api_keys.revoke(session, key_id, user_id=user.id)
    if row is None:
        raise NotFound
    await audit.record(
        session,
        action=Action.KEY_REVOKED,
        actor_id=user.id,
        target=("key", row.id),
        address=address,
        details={"name": row.name, "prefix": row.prefix},
    )
