"""The state of the system, for administrators: queue, workers, storage and failures, as the database has them."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.admin.figures import (
    FailureList,
    QueueView,
    StorageView,
    WorkersView,
    failure_list,
    queue_view,
    storage_view,
    workers_view,
)
from api.admin.pages import After, Limit
from api.auth.dependencies import Admin
from api.auth.problems import RoleRequired
from api.dependencies import Transaction
from api.problems import documented
from db import dispatchers, stage_rates
from db.jobs import failures
from db.jobs import figures as queue_figures
from db.storage import figures as storage_figures

router = APIRouter(prefix="/api/admin", tags=["administration"])


@router.get("/queue", responses=documented(401, RoleRequired))
async def read_queue(session: Transaction, _: Admin) -> QueueView:
    """The jobs that wait and run, and those that ended within 24 hours. Large counts are lower bounds."""
    return queue_view(await queue_figures.overview(session))


@router.get("/workers", responses=documented(401, RoleRequired))
async def list_workers(session: Transaction, _: Admin) -> WorkersView:
    """The dispatchers, the jobs that they hold, the replicas of their stages, and the measured speed of each stage."""
    return workers_view(
        await dispatchers.listed(session), await dispatchers.held(session), await stage_rates.listed(session)
    )


@router.get("/storage", responses=documented(401, RoleRequired))
async def read_storage(session: Transaction, _: Admin) -> StorageView:
    """The stored objects, as a dispatcher has measured them: about once a minute."""
    latest = await storage_figures.latest(session)
    stored, collected = latest.get(storage_figures.STORED), latest.get(storage_figures.COLLECTED)
    return storage_view(stored, collected, await storage_figures.emails(session, stored))


@router.get("/failures", responses=documented(401, 422, RoleRequired))
async def list_failures(
    session: Transaction,
    _: Admin,
    limit: Limit = 20,
    after: After = None,
    code: Annotated[str | None, Query(max_length=64)] = None,
) -> FailureList:
    """The failed jobs of all users, the last failure first. Prompts are not shown."""
    rows = await failures.page(session, limit=limit, after=after, code=code)
    return failure_list(rows, await failures.codes(session), limit)
