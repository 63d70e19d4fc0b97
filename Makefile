# Commands for developers and operators. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROMPT ?= a red circle moving right on a blue background
OUT ?= video.mp4
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup video up test test-models test-faults test-security test-clone test-web web-api web-dependencies bench bench-all lint types migrate tiny-models evaluate clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## install all dependencies into .venv

$(READY): pyproject.toml requirements.txt
	@$(PYTHON) cli/platform_check.py
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e '.[all,dev]'
	@touch $(READY)

video: $(READY) ## generate a video: make video PROMPT="a red circle moving right on a blue background"
	@$(BIN)/aura generate "$(PROMPT)" -o "$(OUT)"

up: $(READY) ## start all services on this machine and run until Ctrl-C
	@$(BIN)/aura up

test: $(READY) web-dependencies lint types ## run the linters, the type checker and the tests
	$(BIN)/python -m pytest

web-dependencies:
	@if ! command -v npm >/dev/null; then echo "npm is not installed: the tests of the web app will be skipped"; \
	elif ! [ frontend/node_modules/.package-lock.json -nt frontend/package-lock.json ]; then \
		cd frontend && npm install --no-save --no-audit --no-fund --loglevel=error || echo "npm install failed: tests of the web app will be skipped"; \
	fi

test-models: $(READY) ## run all tests of the models: every family end to end, and the full-size networks
	@if $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 14))'; then \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e '.[film-tf]'; \
	else echo "TensorFlow has no wheels for this version of Python: the test of FILM's SavedModel will be skipped"; fi
	AURA_TEST_MODELS=all $(BIN)/python -m pytest tests/pipeline tests/e2e/test_models.py tests/cli/test_pull.py tests/cli/test_pull_parts.py tests/cli/test_published_layouts.py tests/gpu

test-faults: $(READY) ## run the fault injection tests of docs/RELIABILITY.md against real processes
	$(BIN)/python -m pytest tests/faults tests/cluster --faults=all

test-clone: $(READY) ## as root: clone, set up and `make video` as root and as a plain user, in closed folders
	AURA_TEST_CLONE=1 $(BIN)/python -m pytest tests/e2e/test_clone.py

test-web: $(READY) web-dependencies ## run all journeys of the web app in a browser, and Vitest (needs Node.js and chromium)
	AURA_TEST_WEB=all $(BIN)/python -m pytest tests/web tests/cli/system/test_web.py

web-api: $(READY) ## write the documents of the gateway for the web app, and the types made from them
	$(BIN)/python -m api.openapi > frontend/openapi.json
	$(BIN)/python -m api.events.messages > frontend/events.schema.json
	cd frontend && npm run api

test-security: $(READY) ## run the attacks of docs/SECURITY.md, long and wide, against a real gateway
	$(BIN)/python -m pytest tests/security --security=all

bench: $(READY) ## measure the rows of docs/PERFORMANCE.md in their short form (at most ten minutes)
	$(BIN)/aura bench --quick

bench-all: $(READY) ## measure the rows of docs/PERFORMANCE.md against their goals (about half an hour)
	$(BIN)/aura bench --check

lint: $(READY) ## run ruff and bandit, and check the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml api cli db migrations pipeline

types: $(READY) ## run mypy --strict
	$(BIN)/mypy

migrate: $(READY) ## run the migrations on the database of DATABASE_URL
	$(BIN)/python -m db.migrate

tiny-models: $(READY) ## train the tiny models from fixed seeds (takes hours on two cores)
	$(BIN)/python -m pipeline.tiny.training.build

evaluate: $(READY) ## measure how well the tiny models follow prompts
	$(BIN)/aura evaluate tiny

clean: ## delete the virtual environment and caches, but neither data nor weights
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
