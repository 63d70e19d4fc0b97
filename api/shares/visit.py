"""Opening a share: the token, then the password if it has one. The answer to every useless token is the same.

No database connection is held while a password is hashed.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request

from api.auth.dependencies import AuthDep
from api.auth.tokens import token_hash
from api.dependencies import ClientAddress, Gateway, GatewayDep
from api.media import of_kind
from api.networks import network_of, site_of
from api.problems import NotFound
from api.rate_limits import RateLimitsDep
from api.shares.passwords import hash_bucket
from api.shares.problems import PasswordRequired, WrongSharePassword
from api.shares.schemas import SharedVideo, SharePasswordEntry, shared_video
from api.shares.views import ShareViews
from db import gallery, shares
from db.rate_limits import Bucket
from db.shares import Shared
from db.tables import Artifact

# Useless tokens per minute and network. 128 random bits cannot be guessed; the limit bounds the cost of attempts.
UNKNOWN_PER_MINUTE: Final = 30
# Wrong passwords of one share: per minute and network, per minute and site, and per hour from everywhere.
WRONG_PER_MINUTE: Final = 10
SITE_FACTOR: Final = 3
WRONG_PER_HOUR: Final = 300


@dataclass(frozen=True, slots=True)
class Visit:
    shared: Shared
    files: list[Artifact]


async def find_share(gateway: GatewayDep, limits: RateLimitsDep, address: ClientAddress, token: str) -> Visit:
    """The share with this token. Raises NotFound, or TooManyRequests after many useless tokens."""
    async with gateway.sessions() as session:
        shared = await shares.find(session, token_hash(token))
        files = (await gallery.media(session, [shared.video.id])).get(shared.video.id, []) if shared else []
    if shared is None or of_kind(files, "video") is None:
        await limits.take(Bucket("unknown links from this network", network_of(address), UNKNOWN_PER_MINUTE))
        raise NotFound
    return Visit(shared, files)


Found = Annotated[Visit, Depends(find_share)]


async def open_share(request: Request, gateway: GatewayDep, address: ClientAddress, visit: Found) -> SharedVideo:
    """The video of a share without a password; PasswordRequired if it has one."""
    if visit.shared.share.password_hash is not None:
        raise PasswordRequired
    return _count_and_view(request, gateway, address, visit)


async def open_with_password(
    request: Request,
    gateway: GatewayDep,
    auth: AuthDep,
    address: ClientAddress,
    visit: Found,
    entry: SharePasswordEntry,
) -> SharedVideo:
    """The video of a share. Raises WrongSharePassword or TooManyRequests."""
    password_hash = visit.shared.share.password_hash
    if password_hash is not None:
        await auth.rate_limits.take(hash_bucket(address))
        async with auth.rate_limits.limit_failures(WrongSharePassword, *_buckets(visit, address)):
            if not await auth.passwords.verify(entry.password, password_hash):
                raise WrongSharePassword
    return _count_and_view(request, gateway, address, visit)


def _buckets(visit: Visit, address: str) -> tuple[Bucket, ...]:
    share_id, n = visit.shared.share.id, WRONG_PER_MINUTE
    return (
        Bucket("passwords of this link from this network", f"{share_id} {network_of(address)}", n),
        Bucket("passwords of this link from this site", f"{share_id} {site_of(address)}", n * SITE_FACTOR),
        Bucket("passwords of this link", str(share_id), WRONG_PER_HOUR, 3600),
    )


def _count_and_view(request: Request, gateway: Gateway, address: str, visit: Visit) -> SharedVideo:
    views: ShareViews = request.app.state.share_views
    views.count(visit.shared.share.id, address)
    return shared_video(visit.shared, visit.files, gateway.storage)
