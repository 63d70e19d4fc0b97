"""The files of a succeeded job."""

from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import RedirectResponse

from api.dependencies import GatewayDep, Transaction
from api.jobs.dependencies import OwnJob
from api.jobs.schemas import ResultView, result_view
from api.problems import JobCanceled, JobFailed, NotReady, ResultGone, documented
from db.jobs import queries as jobs
from db.tables import Job, Status

router = APIRouter(prefix="/api", tags=["jobs"])


def require_succeeded(job: Job) -> None:
    if job.status == Status.FAILED:
        raise JobFailed((job.error or {}).get("message", ""), error=job.error)
    if job.status == Status.CANCELED:
        raise JobCanceled
    if job.status != Status.SUCCEEDED:
        raise NotReady(retry_after=min(60, max(1, job.eta_seconds or 2)))


@router.get(
    "/result/{job_id}",
    response_model=ResultView,
    responses=documented(
        401,
        404,
        NotReady,
        JobFailed,
        JobCanceled,
        ResultGone,
        _307="redirect to the video, unless the client accepts JSON",
    ),
)
async def get_result(
    session: Transaction, gateway: GatewayDep, job: OwnJob, accept: Annotated[str, Header()] = "*/*"
) -> ResultView | RedirectResponse:
    """Signed links to the files as JSON if the client accepts it, otherwise a redirect to the video."""
    require_succeeded(job)
    result = result_view(job, await jobs.artifacts(session, job.id, owner_id=job.owner_id), gateway.storage)
    return result if "application/json" in accept.lower() else RedirectResponse(result.url, 307)
