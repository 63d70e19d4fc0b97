"""The table of remixes: which job a job was made from with another prompt."""

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base


class Remix(Base):
    """Not a column of `jobs`, because gateways of the previous release read `SELECT *`."""

    __tablename__ = "remixes"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    # No foreign key: the id is kept when the source is purged.
    source_id: Mapped[UUID]
