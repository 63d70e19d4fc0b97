"""Parameters of the lists under /api/admin."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

Limit = Annotated[int, Query(ge=1, le=100)]
After = Annotated[UUID | None, Query(description="the last_id of the previous page")]
