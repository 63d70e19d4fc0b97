"""The password of a new share, hashed before the request takes a database connection."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends

from api.auth.dependencies import AuthDep
from api.dependencies import ClientAddress
from api.networks import network_of
from api.rate_limits import RateLimitsDep
from api.shares.schemas import ShareRequest
from db.rate_limits import Bucket

# Passwords of links, new ones and entered ones, right or wrong: each costs a hash of 90 ms.
HASHES_PER_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class Protected:
    body: ShareRequest
    password_hash: str | None


def hash_bucket(address: str) -> Bucket:
    return Bucket("passwords of links from this network", network_of(address), HASHES_PER_MINUTE)


async def protect(auth: AuthDep, limits: RateLimitsDep, address: ClientAddress, body: ShareRequest) -> Protected:
    if body.password is None:
        return Protected(body, None)
    await limits.take(hash_bucket(address))
    return Protected(body, await auth.passwords.hash(body.password))


ProtectedRequest = Annotated[Protected, Depends(protect)]
