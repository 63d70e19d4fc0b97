"""`python -m tests.bench.bare PORT`: Starlette and asyncpg reading the row of `GET /api/status`, and nothing else."""

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db.settings import plain_url

_QUERY = """SELECT jobs.* FROM users JOIN jobs ON jobs.owner_id = users.id
    WHERE users.disabled_at IS NULL AND jobs.id = $1::uuid"""


async def status(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        row = await connection.fetchrow(_QUERY, request.path_params["job_id"])
    return Response(json.dumps(dict(row), default=str), media_type="application/json")


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    async with asyncpg.create_pool(plain_url(os.environ["DATABASE_URL"]), min_size=4, max_size=4) as pool:
        app.state.pool = pool
        yield


def main() -> None:
    app = Starlette(routes=[Route("/api/status/{job_id}", status)], lifespan=lifespan)
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
