"""Keyset pagination by id: ids are UUIDv7, so their order is that of creation."""

from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute

Statement = TypeVar("Statement", bound=Select[Any])


def page_of(
    statement: Statement, key: InstrumentedAttribute[UUID], *, limit: int, after: UUID | None, order: str = "desc"
) -> Statement:
    """The rows behind `after`, newest first unless `order` is 'asc'; one more than `limit` if there are more."""
    ascending = order == "asc"
    if after is not None:
        statement = statement.where(key > after if ascending else key < after)
    return statement.order_by(key.asc() if ascending else key.desc()).limit(limit + 1)
