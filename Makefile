# Two commands do it all: `make demo` and `make test`. They need Python 3.11 or newer, git and make.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test format lint types imports unit docs simulate kill fuzz-http differential npm-client bench freeze sizes lock clean
.DEFAULT_GOAL := demo

# The environment, made again whenever the lock or the project file changes.
$(VENV)/.ready: requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer found; set PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

# Scaffold an app, host it, kill the host in the middle of its work, and see the work finish.
demo: $(VENV)/.ready
	@$(BIN)/python sample_apps/demo.py

test: lint types imports unit

lint: $(VENV)/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.ready
	$(BIN)/mypy

imports: $(VENV)/.ready
	$(BIN)/lint-imports --no-logo --no-cache

# Everything functional runs a second time with each generator dropped after its episode and rebuilt by replay.
REPLAYED = tests/engine tests/host tests/replay tests/sample_apps tests/simulation/host tests/http/test_with_the_real_host.py
unit: $(VENV)/.ready
	$(BIN)/pytest -n auto
	$(BIN)/pytest -n auto --always-replay $(REPLAYED)

format: $(VENV)/.ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Longer campaigns; `make test` runs a short version of each.
SECONDS_ ?= 300
simulate: $(VENV)/.ready
	$(BIN)/python -m tests.simulation --seconds $(SECONDS_)
	$(BIN)/python -m tests.simulation.host --seconds $(SECONDS_)

KILLS ?= 200
kill: $(VENV)/.ready
	$(BIN)/python -m tests.kill --kills $(KILLS)

# Every route with data that fits its description and data that does not; the tests run a short version.
EXAMPLES ?= 100
PROGRAMS ?= 2000
fuzz-http: $(VENV)/.ready
	$(BIN)/python -m tests.http.fuzzing --examples $(EXAMPLES)

# Random orchestrators against the vendor's own executor; the tests run a short version.
differential: $(VENV)/.ready
	$(BIN)/python -m tests.conformance.campaign --examples $(PROGRAMS)

# The client of the npm package durable-functions against the real host; needs node, npm and their registry.
npm-client: $(VENV)/.ready
	cd tests/compat/npm && npm install --no-package-lock --no-audit --no-fund --silent
	$(BIN)/pytest tests/compat/test_clients_outside.py

bench: $(VENV)/.ready
	$(BIN)/python -m benchmarks

# The references, written from the commands and the settings themselves.
docs: $(VENV)/.ready
	$(BIN)/python -m dfcli.cli.reference > docs/cli.md
	$(BIN)/python -m dfcli.project.settings_page > docs/settings.md
	$(BIN)/python -m dfcli.http.api_page > docs/http-api.md

# From now on the golden histories that are there never change.
freeze: $(VENV)/.ready
	$(BIN)/python -m tests.replay.frozen

# The ten longest modules and what they weigh.
sizes:
	@git ls-files '*.py' | xargs wc -l | sort -rn | sed -n '2,11p'

# Pin the development environment again.
lock: $(VENV)/.ready
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
		--no-header --python-version 3.11 --group dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
