# Everything that can be done here. `make` alone lists it.
PYTHON ?= python3
# One more than there are cores: some tests wait for engines while others work.
JOBS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
ARGS ?=

# Tests start hundreds of programs: none of them shall compile everything anew.
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet
PYTEST := $(BIN)/python -m pytest
CHECKS := lint types contracts
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run install dev test test-again check static lint types contracts engines browser torture bench bench-cluster bench-replay bench-fanout bench-burst bench-docs fmt lock clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: install  ## Install what is needed, then serve on 127.0.0.1:8080 (ARGS="..." for starling serve)
	@exec $(BIN)/starling serve $(ARGS)

install: $(VENV)/.project  ## Put the program and what it needs at .venv/bin/starling

dev: $(VENV)/.project $(VENV)/.dev  ## Add the development tools and the cluster's clients to .venv

test: dev  ## Lint, types, architecture contracts and every test
	@$(MAKE) --no-print-directory --jobs=4 --output-sync=target $(CHECKS) engines
	@$(PYTEST) -n $(JOBS) --dist loadscope --no-loadscope-reorder -m "not torture" $(ARGS)

test-again: dev  ## What failed the last time, one after the other
	@$(PYTEST) -m "not torture" --last-failed --last-failed-no-failures none $(ARGS)

check: dev static  ## The fast loop: as test, without slow tests, servers and browser
	@$(PYTEST) -n $(JOBS) --dist loadscope --no-loadscope-reorder -m "not (slow or servers or browser or torture)" $(ARGS)

static: dev  ## Lint, types and contracts, at the same time
	@$(MAKE) --no-print-directory --jobs=3 --output-sync=target $(CHECKS)

lint: dev  ## Ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: dev  ## mypy, strict
	@$(BIN)/mypy

contracts: dev  ## import-linter: who may import whom
	@$(BIN)/lint-imports

engines: dev browser  ## Download what the engines are made of, if Java and Maven are here
	@$(BIN)/starling cluster fetch >/dev/null || echo "The tests on the engines will say what is missing"

browser:  ## Install Debian's Chromium if it is missing and we are root (the browser tests drive it)
	@if ! command -v chromium >/dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "Installing Chromium for the browser tests"; \
		export DEBIAN_FRONTEND=noninteractive; \
		apt-get update -qq </dev/null && \
		apt-get install -qq -y --no-install-recommends chromium </dev/null >/dev/null || \
		echo "Chromium could not be installed"; \
	fi

torture: dev  ## Hours of the slow tests: many more examples, no time limit per test
	@$(PYTEST) -m "slow or torture" --hypothesis-profile torture --timeout 0 $(ARGS)

bench: dev  ## Measure, and print the results as ratios
	@$(BIN)/python -m tests.bench $(ARGS)

bench-cluster: dev  ## The same on the engines of this machine
	@$(BIN)/python -m tests.bench.cluster $(ARGS)

bench-replay: dev  ## Projections built anew, on both profiles
	@$(BIN)/python -m tests.bench.replay $(ARGS)

bench-fanout: dev  ## Deliveries into home timelines: topic, Faust worker, Redis
	@$(BIN)/python -m tests.bench.fanout $(ARGS)

bench-burst: dev  ## Bursts on both profiles: lag grows and goes, nothing is lost
	@$(BIN)/python -m tests.bench.burst $(ARGS)

bench-docs: dev  ## Plots and the capacity tables, from the runs kept in docs/benchmarks
	@$(BIN)/python -m tests.bench.plots docs/benchmarks/*.json
	@$(BIN)/python -m tests.bench.capacity --write >/dev/null
	@$(BIN)/python -m tests.bench.kept_runs

fmt: dev  ## Format the code and mend what can be mended
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

lock: $(VENV)/.python  ## Pin every requirement by hash (UPGRADE=1 takes the newest versions)
	@test -x $(BIN)/uv || $(PIP) install uv
	@# The whole first and the others within it, so that all agree and can share one .venv.
	@$(COMPILE) pyproject.toml requirements/build.in --extra cluster --extra dev \
		--output-file requirements/dev.txt
	@$(COMPILE) pyproject.toml requirements/build.in --extra cluster \
		--constraints requirements/dev.txt --no-annotate --output-file requirements/cluster.txt
	@$(COMPILE) pyproject.toml requirements/build.in --constraints requirements/dev.txt \
		--no-annotate --output-file requirements/run.txt

clean:  ## Remove the environment and everything that was built or cached
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	rm -rf .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each file below records that a step was done; the step is repeated when what it depends on changed.
$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer, please: make PYTHON=...")'
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run: requirements/run.txt $(VENV)/.python
	@echo "Installing into $(VENV) (only when the requirements changed)"
	@$(PIP) install --require-hashes --only-binary :all: -r $<
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.run
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run | $(VENV)/.project
	@echo "Installing the development tools into $(VENV)"
	@$(PIP) install --require-hashes --only-binary :all: -r $<
	@touch $@
