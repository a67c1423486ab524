# `make serve` and `make test` set up all they need on a fresh Debian machine with Python 3.11, Node 20 and make.

# The one that `python3` is, or a faster one. Only where an environment is made does it matter.
PYTHON ?= $(or $(shell python3 config/choose_python.py),python3)
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
DATA   ?= var

# Hundreds of Pythons are started, each of which would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help serve test check check-python check-client collected client setup services bench loadtest faults lock types vectors clean

help:
	@echo "make serve     run the classroom (PORT=8000 DATA=var); prints a link for the instructor and one for students"
	@echo "make test      everything: lint, types, client, the whole suite with real Redis, PostgreSQL and Chromium"
	@echo "make bench     figures of speed and memory, side by side with peers"
	@echo "make faults    what befalls a deployment, with 5,000 in the class (USERS=5000)"
	@echo "make client    build the browser client"
	@echo "make check     ruff, mypy, tsc and the client's tests only"
	@echo "make types     TypeScript types from the Python structs;  make vectors  golden logs"
	@echo "make lock      write the lock files anew"

serve: $(VENV)/.serve classroom/static/index.html
	@PORT=$(PORT) DATA=$(DATA) $(BIN)/python -m classroom serve

setup: $(VENV)/.dev client/node_modules/.installed

# Two at a time, each target's lines together.
BOTH := $(MAKE) --no-print-directory --jobs=2 --output-sync=target

test:
	@$(BOTH) services check-python check-client classroom/static/index.html collected
	@# Four at a time, since half of the time is waited for something. What fails meanwhile gets a second look, alone:
	@# what fails twice has failed.
	$(BIN)/python -m pytest -n 4 --dist worksteal $(PYTEST) \
	  || $(BIN)/python -m pytest --last-failed --last-failed-no-failures none

check:
	@$(BOTH) check-python check-client

check-python: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What is installed is compiled where it is first loaded, by one process instead of by all four at once.
collected: $(VENV)/.dev
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null

check-client: client/node_modules/.installed
	cd client && npm run check && npm test

services:
	@sh tests/services.sh

client: classroom/static/index.html

bench: setup
	$(BIN)/python -m loadtest.bench $(BENCH)

faults: setup services
	CROWD=$(or $(USERS),5000) $(BIN)/python -m pytest tests/cluster --timeout 900 $(PYTEST)

types: setup
	$(BIN)/python -m classroom.typescript > client/src/protocol/generated.ts

vectors: setup
	$(BIN)/python -m tests.vectors.make

loadtest: $(VENV)/.dev $(VENV)-serve/.serve
	$(BIN)/python -m loadtest.run --python $(VENV)-serve/bin/python $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(USERS),--users $(USERS)) $(LOADTEST)

lock: $(VENV)/.dev
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade --extra dev --extra load --extra traces pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) $(VENV)-serve client/node_modules classroom/static .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("Classroom needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.serve: requirements.lock | $(VENV)/bin/python
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

# The server under load runs with what an operator has, and nothing more.
$(VENV)-serve/.serve: requirements.lock
	$(PYTHON) -m venv $(VENV)-serve
	$(VENV)-serve/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(VENV)/bin/python
	$(BIN)/pip install --quiet --no-compile --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@ $(VENV)/.serve

client/node_modules/.installed: client/package-lock.json
	cd client && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

CLIENT_SOURCES := $(shell find client/src -type f 2>/dev/null) client/index.html client/vite.config.ts client/package-lock.json

classroom/static/index.html: $(CLIENT_SOURCES) | client/node_modules/.installed
	cd client && npm run build
	@touch $@
