"""The gateway: `uvicorn --factory api.app:create_app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import auth, files, generate, health, jobs, logs, models, openapi, problems, results, socket, stream
from api.body import BodyLimit
from api.edge import Gateway
from api.events import Hub
from api.limits import Buckets
from api.passwords import Passwords
from api.settings import Settings
from api.tokens import Tokens
from db import engine as db_engine
from db.storage import open_storage

MANY_LOGINS = 10
"""So many times what may fail at one account from one address may fail at one account, or from one address."""
ROUTERS = (
    auth.router,
    auth.profile,
    generate.router,
    jobs.router,
    results.router,
    models.router,
    files.router,
    stream.router,
    socket.router,
    health.router,
)


def assemble(settings: Settings) -> Gateway:
    engine = db_engine.connect(settings.DATABASE_URL)
    sessions = db_engine.sessions(engine)
    return Gateway(
        settings=settings,
        engine=engine,
        sessions=sessions,
        storage=open_storage(settings),
        passwords=Passwords(),
        tokens=Tokens(settings.SECRET_KEY.get_secret_value(), settings.ACCESS_TOKEN_SECONDS),
        logins=Buckets(settings.FAILED_LOGINS_PER_MINUTE),
        logins_at_large=Buckets(settings.FAILED_LOGINS_PER_MINUTE * MANY_LOGINS),
        registrations=Buckets(settings.REGISTRATIONS_PER_MINUTE),
        hub=Hub(settings.DATABASE_URL, sessions, settings.SOCKETS_PER_USER),
    )


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Gateway = app.state.gateway
    hub = asyncio.create_task(parts.hub.run())
    try:
        yield
    finally:
        hub.cancel()
        await asyncio.gather(hub, return_exceptions=True)
        await parts.engine.dispose()


def create_app(settings: Settings | None = None) -> FastAPI:
    logs.configure()
    app = FastAPI(
        title="AuraAnim",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.state.gateway = assemble(settings or Settings())
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    app.add_middleware(BodyLimit)
    app.middleware_stack = logs.RequestLog(app.build_middleware_stack())  # outside of what answers unexpected errors
    return app
