"""Deletes entries of the audit log after AUDIT_DAYS: `python -m db.audit_retention`, as the owner of the tables.

The gateway and the dispatcher cannot do this: their role may not delete entries.
"""

import asyncio
import sys
from typing import Final

from db import audit
from db import engine as engines
from db.settings import DatabaseSettings, MigrationSettings

# Entries of one transaction.
BATCH: Final = 10_000


async def delete_old_entries(url: str, days: float, *, batch: int = BATCH) -> int:
    """How many entries were deleted. Raises one of DATABASE_ERRORS or a DBAPIError if the role may not delete."""
    engine = engines.connect(url, pool_size=1)
    sessions, total = engines.sessions(engine), 0
    try:
        while True:
            async with sessions.begin() as session:
                deleted = await audit.purge(session, older_than_days=days, limit=batch)
            total += deleted
            if deleted < batch:
                return total
    finally:
        await engine.dispose()


if __name__ == "__main__":
    settings = MigrationSettings()
    owner_url = settings.owner_database_url or DatabaseSettings().database_url
    deleted = asyncio.run(delete_old_entries(owner_url, settings.audit_days))
    sys.stdout.write(f"{deleted} entries of the audit log were older than {settings.audit_days} days\n")
