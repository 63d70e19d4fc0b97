"""Reports of videos."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.dependencies import ClientAddress, GatewayDep, Transaction
from api.problems import documented
from api.reports.schemas import ReportReceipt, ReportRequest
from api.reports.submit import limit_reports, submit

router = APIRouter(prefix="/api/reports", tags=["reports"])


@router.post("", status_code=202, responses=documented(400, 404, 422, 429))
async def report(
    body: Annotated[ReportRequest, Depends(limit_reports)],
    session: Transaction,
    gateway: GatewayDep,
    address: ClientAddress,
) -> ReportReceipt:
    """Report a video that visitors can see, without an account. `minors` and `ncii` hide it at once."""
    return await submit(session, gateway, address, body)
