"""Swagger UI at /api/docs, for programs and browsers without the internet: all of its files come from this gateway.

The package fastapi-offline brings the files of Swagger UI (Apache-2.0); nothing else of it is used.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse, HTMLResponse

ASSETS: Final = Path(str(files("fastapi_offline"))) / "static"
# Scripts come from here only, and none is inline. Swagger UI writes `style` attributes.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CACHE: Final = {"cache-control": "public, max-age=86400"}
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>AuraAnim API</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
# The validator is a service of others: `validatorUrl` turns it off.
START: Final = """SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""

router = APIRouter(prefix="/api/docs", include_in_schema=False)


@router.get("")
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})


@router.get("/start.js")
async def start() -> Response:
    return Response(START, media_type="text/javascript", headers=CACHE)


@router.get("/swagger-ui-bundle.js")
async def script() -> FileResponse:
    return FileResponse(ASSETS / "swagger-ui-bundle.js", media_type="text/javascript", headers=CACHE)


@router.get("/swagger-ui.css")
async def style() -> FileResponse:
    return FileResponse(ASSETS / "swagger-ui.css", media_type="text/css", headers=CACHE)
