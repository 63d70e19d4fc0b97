"""Every router of the gateway, in the order of the OpenAPI document."""

from api import health
from api.auth import routes as auth
from api.events import sse, websocket
from api.files import routes as files
from api.jobs import results, submit
from api.jobs import routes as jobs
from api.models import routes as models

ROUTERS = (
    auth.router,
    auth.profile,
    submit.router,
    jobs.router,
    results.router,
    models.router,
    files.router,
    sse.router,
    websocket.router,
    health.router,
)
