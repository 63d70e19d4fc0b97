# The Ray head with the five stages, and the dispatcher: one image, two commands. Build from the root of the repository:
#   docker build -f docker/pipeline.Dockerfile -t auraanim-pipeline .
# With FILM's published SavedModel too, which needs TensorFlow: docs/decisions/0005-film-tensorflow-image.md
#   docker build -f docker/pipeline.Dockerfile --build-arg EXTRAS="pipeline film-tf" -t auraanim-pipeline:film-tf .
# The package index determines the build of torch. For a small image without CUDA, pass an index of CPU wheels as the
# build secret `pip`.
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BASE_IMAGE} AS dependencies
WORKDIR /build
# The extras of pyproject.toml that are installed.
ARG EXTRAS=pipeline
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
COPY pyproject.toml requirements.txt docker/dependencies.py ./
# Pass your own package index as the build secret `pip` (a pip.conf): a secret mount is not stored in a layer.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf --mount=type=cache,target=/root/.cache/pip \
    python dependencies.py ${EXTRAS} > wanted.txt && pip install -c requirements.txt -r wanted.txt

FROM ${BASE_IMAGE}
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Folders for files written at run time. A named volume mounted there inherits the owner.
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin aura \
    && install -d -o aura -g aura /tmp/ray /run/aura /var/lib/aura/models
ENV AURA_READY_FILE=/run/aura/ready MODELS_DIR=/var/lib/aura/models RAY_ADDRESS_FILE=/tmp/ray/head.address
WORKDIR /app
COPY --from=dependencies /opt/venv /opt/venv
COPY db db
COPY pipeline pipeline
USER 10001:10001
# Loading the models takes a while. The process creates this file when it is ready.
HEALTHCHECK --interval=5s --timeout=3s --start-period=180s --retries=3 CMD ["test", "-e", "/run/aura/ready"]
# A module and its arguments: the dispatcher, or `pipeline.cluster`.
ENTRYPOINT ["python", "-m"]
CMD ["pipeline.dispatch"]
