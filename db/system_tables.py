"""The tables about the system itself, which administrators see."""

from datetime import datetime

from sqlalchemy import CheckConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Json


class Dispatcher(Base):
    """A dispatcher that runs, or that was lost: a graceful stop deletes the row. No job depends on it."""

    __tablename__ = "dispatchers"
    __table_args__ = (CheckConstraint("jobs >= 1", "jobs"),)

    # The lease owner of the jobs that it runs.
    owner: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str]
    # How many jobs it runs at once.
    jobs: Mapped[int]
    # How many replicas of each stage are in which state on its cluster: {"generate": {"running": 1}}.
    replicas: Mapped[Json]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SystemFigures(Base):
    """Figures that cost too much to be computed by a request, as a dispatcher measured them last."""

    __tablename__ = "system_figures"

    # A constant in `db/storage/figures.py`.
    name: Mapped[str] = mapped_column(primary_key=True)
    figures: Mapped[Json]
    measured_at: Mapped[datetime] = mapped_column(server_default=func.now())
