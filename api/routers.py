"""Every router of the gateway, in the order of the OpenAPI document."""

from api import health, swagger
from api.admin import routes as admin
from api.admin import system
from api.auth import routes as auth
from api.events import sse, websocket
from api.files import routes as files
from api.gallery import routes as gallery
from api.generate import estimate
from api.generate import routes as generate
from api.jobs import results
from api.jobs import routes as jobs
from api.keys import routes as keys
from api.me import routes as me
from api.models import routes as models
from api.moderation import routes as moderation
from api.openai import content
from api.openai import routes as openai
from api.passkeys import routes as passkeys
from api.reports import routes as reports
from api.shares import routes as shares
from api.styles import routes as styles
from api.videos import finish
from api.videos import routes as videos
from api.webhooks import routes as webhooks

ROUTERS = (
    auth.router,
    me.router,
    passkeys.router,
    keys.router,
    generate.router,
    estimate.router,
    jobs.router,
    results.router,
    videos.router,
    finish.router,
    webhooks.router,
    models.router,
    styles.router,
    shares.router,
    gallery.router,
    reports.router,
    moderation.router,
    admin.router,
    system.router,
    openai.router,
    content.router,
    files.router,
    sse.router,
    websocket.router,
    health.router,
    swagger.router,
)
