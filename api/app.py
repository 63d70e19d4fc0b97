"""The gateway: `uvicorn --factory api.app:create_app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api import problems
from api.auth.dependencies import create_auth
from api.dependencies import Gateway
from api.events.hub import Hub
from api.middleware import BodyLimit, RequestLog
from api.openapi import DocumentedApp
from api.settings import Settings
from db import engine as db_engine
from db import logs
from db.storage.open import open_storage


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    hub_task = asyncio.create_task(app.state.hub.run())
    try:
        yield
    finally:
        hub_task.cancel()
        await asyncio.gather(hub_task, return_exceptions=True)
        await app.state.gateway.engine.dispose()


def create_app(settings: Settings | None = None) -> FastAPI:
    logs.configure()
    logs.configure_uvicorn()
    settings = settings or Settings()
    app = DocumentedApp(lifespan=lifespan)
    engine = db_engine.connect(settings.database_url)
    sessions = db_engine.sessions(engine)
    app.state.gateway = Gateway(settings, engine, sessions, open_storage(settings))
    app.state.auth = create_auth(settings)
    app.state.hub = Hub(settings.database_url, sessions, settings.sockets_per_user)
    problems.add_exception_handlers(app)
    app.add_middleware(BodyLimit)
    # Outside of Starlette's error handler, so that responses to unexpected errors are logged and have the headers too.
    app.middleware_stack = RequestLog(app.build_middleware_stack())
    return app
