"""The gateway: `uvicorn --factory api.app:create_app`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from api.allowed_methods import MethodCheck, method_not_allowed
from api.auth.dependencies import Auth, create_auth
from api.dependencies import Gateway
from api.events.hub import Hub
from api.exception_handlers import add_exception_handlers
from api.health import Shared
from api.mail.outbox import Outbox
from api.middleware import BodyLimit, RequestLog, TargetCheck, cors
from api.openapi import DocumentedApp
from api.request_slots import RequestSlots
from api.settings import Settings, load
from api.shares.views import ShareViews
from api.webhooks.sender import Sender
from db import engine as db_engine
from db import logs
from db.direct import Direct
from db.storage.open import open_storage
from pipeline.contract import catalog, own_models


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    auth: Auth = app.state.auth
    loops = (
        app.state.hub.run(),
        auth.revocations.run(),
        auth.api_keys.run(),
        app.state.outbox.run(),
        app.state.share_views.run(),
        app.state.webhooks.run(),
    )
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await app.state.gateway.close()


def create_app(settings: Settings | None = None) -> FastAPI:
    logs.configure()
    logs.configure_uvicorn()
    settings = settings or load()
    own_models.load(settings.models_file)
    catalog.require(settings.model_variant)
    app = DocumentedApp(lifespan=lifespan)
    engine = db_engine.connect(settings.database_url)
    sessions = db_engine.sessions(engine)
    direct = Direct(settings.database_url)
    app.state.gateway = Gateway(settings, engine, sessions, direct, open_storage(settings))
    app.state.auth = create_auth(settings, sessions)
    app.state.hub = Hub(settings.database_url, sessions, direct, settings.sockets_per_user)
    app.state.health = Shared()
    app.state.outbox = Outbox(settings, sessions)
    app.state.share_views = ShareViews(sessions)
    app.state.webhooks = Sender(app.state.gateway, app.state.auth.keys)
    add_exception_handlers(app)
    app.exception_handler(405)(method_not_allowed)
    # The last one is the outermost: a refused request costs nothing else, and a slow body takes no slot.
    app.add_middleware(RequestSlots, settings.requests_per_client, settings.waiting_per_client)
    app.add_middleware(BodyLimit, settings.body_bytes)
    app.add_middleware(MethodCheck)
    pages = cors(settings)
    app.add_middleware(pages.cls, *pages.args, **pages.kwargs)
    app.add_middleware(TargetCheck, settings.hosts)
    # Outside of Starlette's error handler, so that responses to unexpected errors are logged and have the headers too.
    https = settings.public_url.startswith("https:")
    app.middleware_stack = RequestLog(app.build_middleware_stack(), https=https)
    return app
