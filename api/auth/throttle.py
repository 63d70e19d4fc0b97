"""The limits on wrong passwords: they slow down guessing, and strangers cannot lock an owner out.

A known device (`devices`) has a limit of its own. Other sign-ins count against the account and the network, the account
and the site, the network, the site, and the account as a whole. The last limit is reached when many networks guess at
one account; then each site still has one attempt in ten minutes, so that the owner can sign in from a new device.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from api.networks import network_of, site_of
from api.problems import WrongCredentials
from api.rate_limits import RateLimits, refused
from db.rate_limits import Bucket

# Multipliers of the limit per account and network.
SITE_FACTOR: Final = 3
NETWORK_FACTOR: Final = 10
SITE_NETWORK_FACTOR: Final = 30
# Failures per hour at one account, from all unknown devices together.
ACCOUNT_FACTOR: Final = 10
ACCOUNT_SECONDS: Final = 3600
# While an account is being guessed at: one attempt of a site in this time.
GUARDED_SECONDS: Final = 600
log = structlog.get_logger("api")


@dataclass(frozen=True)
class Throttle:
    """`per_minute`: wrong passwords per account and network."""

    limits: RateLimits
    per_minute: int

    @asynccontextmanager
    async def sign_in(self, email: str, host: str, device: str | None) -> AsyncIterator[None]:
        """Limit the sign-in that the block tries; only WrongCredentials counts. Raises TooManyRequests."""
        account = email.lower()
        if device is None:
            buckets = await self._take_as_stranger(account, host)
        else:
            buckets = (Bucket("sign-in on this device", f"{account} {device}", self.per_minute),)
            await self.limits.take(*buckets)
        failed = False
        try:
            yield
        except WrongCredentials:
            failed = True
            raise
        finally:
            if not failed:
                await self.limits.put_back(*buckets)

    async def _take_as_stranger(self, account: str, host: str) -> tuple[Bucket, ...]:
        n, network, site = self.per_minute, network_of(host), site_of(host)
        local = (
            Bucket("sign-in to this account from this network", f"{account} {network}", n),
            Bucket("sign-in to this account from this site", f"{account} {site}", n * SITE_FACTOR),
            Bucket("sign-in from this network", network, n * NETWORK_FACTOR),
            Bucket("sign-in from this site", site, n * SITE_NETWORK_FACTOR),
        )
        whole = Bucket("sign-in to this account", account, n * ACCOUNT_FACTOR, ACCOUNT_SECONDS)
        refusal = await self.limits.try_take(*local, whole)
        if refusal is None:
            return (*local, whole)
        if refusal.buckets == (whole,):
            log.warning("many wrong passwords for one account", retry_after=round(refusal.retry_after, 1))
            guarded = Bucket("sign-in to this guarded account", f"{account} {site}", 1, GUARDED_SECONDS)
            refusal = await self.limits.try_take(*local, guarded)
            if refusal is None:
                return (*local, guarded)
        raise refused(refusal)
