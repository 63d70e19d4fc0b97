"""Every router of the gateway, in the order of the OpenAPI document."""

from api import health
from api.admin import routes as admin
from api.auth import routes as auth
from api.events import sse, websocket
from api.files import routes as files
from api.jobs import results, submit
from api.jobs import routes as jobs
from api.me import routes as me
from api.models import routes as models
from api.styles import routes as styles

ROUTERS = (
    auth.router,
    me.router,
    submit.router,
    jobs.router,
    results.router,
    models.router,
    styles.router,
    admin.router,
    files.router,
    sse.router,
    websocket.router,
    health.router,
)
