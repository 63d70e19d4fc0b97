# The gateway, and the migrations: neither torch nor ray. Build from the root of the repository:
#   docker build -f docker/gateway.Dockerfile -t auraanim-gateway .
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS dependencies
WORKDIR /build
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY pyproject.toml requirements.txt docker/dependencies.py ./
# Pass your own package index as the build secret `pip` (a pip.conf): a secret mount is not stored in a layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=cache,target=/root/.cache/pip \
    python dependencies.py api > wanted.txt && pip install -c requirements.txt -r wanted.txt

FROM ${BASE_IMAGE}
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin aura
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY db db
COPY migrations migrations
# The only part of the pipeline that the gateway imports.
COPY pipeline/__init__.py pipeline/
COPY pipeline/contract pipeline/contract
COPY api api
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
# A module and its arguments: the gateway, or `db.migrate`.
ENTRYPOINT ["python", "-m"]
CMD ["api", "--host", "0.0.0.0", "--port", "8000"]
