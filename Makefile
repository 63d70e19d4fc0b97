# Everything a newcomer or an operator runs. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROMPT ?= a red circle moving right on a blue background
OUT ?= video.mp4
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup video up test test-faults lint types migrate tiny-models evaluate clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(READY) ## install everything into .venv

$(READY): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "AuraAnim needs Python 3.11 or newer: set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.txt -e '.[all,dev]'
	@touch $(READY)

video: $(READY) ## make a video: make video PROMPT="a red circle moving right on a blue background"
	@$(BIN)/aura generate "$(PROMPT)" -o "$(OUT)"

up: $(READY) ## start everything on this machine and keep it running
	@$(BIN)/aura up

test: $(READY) lint types ## the everyday tests: style, types and behaviour
	$(BIN)/python -m pytest

test-faults: $(READY) ## kill, stop and cut the real processes, and check every promise of docs/RELIABILITY.md
	$(BIN)/python -m pytest tests/faults --faults=all

lint: $(READY) ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(READY) ## mypy --strict
	$(BIN)/mypy

migrate: $(READY) ## bring the database of DATABASE_URL up to date
	$(BIN)/python -m db.migrate

tiny-models: $(READY) ## train the small models again, from seeds (hours on two cores)
	$(BIN)/python -m pipeline.tiny.build

evaluate: $(READY) ## say how well the small models do what prompts say
	$(BIN)/aura evaluate tiny

clean: ## remove what the targets above have made, but neither data nor weights
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
