"""The ETag of a job: what a client polls with until the job changes."""

import time
from typing import Annotated

from fastapi import Header

from api.jobs.schemas import PREVIEW_LINK_SECONDS
from db.tables import TERMINAL, Job

IfNoneMatch = Annotated[str, Header(max_length=1000, description="the ETag of an earlier response")]


def job_etag(job: Job, queue_position: int | None) -> str:
    """Weak, because each response signs its links anew: the revision, and what can change without it.

    That is the place in the queue, and the link to the preview, which is renewed before it expires.
    """
    parts = [job.revision]
    if queue_position is not None:
        parts.append(queue_position)
    elif job.preview_key and job.status not in TERMINAL:
        parts.append(int(time.time() * 2 / PREVIEW_LINK_SECONDS))
    return 'W/"' + "-".join(map(str, parts)) + '"'


def matches(if_none_match: str, etag: str) -> bool:
    """Whether a list of ETags contains this one; they are compared weakly (RFC 9110)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag.removeprefix("W/") in tags
