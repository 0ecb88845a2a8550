# `make` or `make help` lists what there is. Needs GNU make, bash and Python 3.11 or newer; nothing else.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
# Jobs call `exfuse` and `python` by name. Not exported: .venv must not be made by its own Python.
IN_VENV := PATH="$(BIN):$$PATH"

CORES ?= all
# empty: the preset that params/config.yaml names
PRESET ?=
TEST_WORKERS ?= 2
FAST := not slow and not long and not gpu and not browser
PYTEST := $(IN_VENV) python -m pytest -q

.PHONY: help environment reproduce test browser lint format lock example clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

environment: ## .venv from requirements.lock, when it is missing or the lock changed
	@.ci/environment

reproduce: environment ## the whole paper at the preset of params/config.yaml (PRESET=voc, CORES=8)
	@$(IN_VENV) exfuse $(if $(PRESET),--preset $(PRESET)) plan --measure-missing --todo || true
	@$(IN_VENV) snakemake --cores $(CORES) $(if $(PRESET),--config preset=$(PRESET))
	@preset=$(or $(PRESET),$$(sed -n 's/^preset:[[:space:]"]*\([A-Za-z0-9_-]*\).*/\1/p' params/config.yaml)); \
	echo "report: $(CURDIR)/results/$$preset/report/index.html"

test: lint ## lint, types and every test that needs no GPU, no browser and no minutes
	@$(PYTEST) -n $(TEST_WORKERS) -m "$(FAST) and not workflow"
	@$(PYTEST) -n $(TEST_WORKERS) -m "$(FAST) and workflow" tests/workflow

browser: environment ## the tests of the report in Chromium, which they install where apt-get and root allow
	@$(PYTEST) -m browser tests/browser

lint: environment ## style of Python and Snakemake files, types
	@$(IN_VENV) ruff check .
	@$(IN_VENV) ruff format --check --quiet . || { echo "make format rewrites them"; exit 1; }
	@$(IN_VENV) snakefmt --check Snakefile workflow || { echo "make format rewrites them"; exit 1; }
	@$(IN_VENV) mypy

format: environment ## rewrite Python and Snakemake files in the project's style
	@$(IN_VENV) ruff check --fix-only --quiet .
	@$(IN_VENV) ruff format .
	@$(IN_VENV) snakefmt Snakefile workflow

lock: environment ## requirements.lock and environment.yml from requirements.in (UPGRADE=--upgrade for newer versions)
	@$(IN_VENV) .ci/lock $(UPGRADE)

example: ## docs/example/ from the results of mini
	@cp results/mini/report/index.html docs/example/report.html
	@cp results/mini/tables/table?.md results/mini/claims.csv docs/example/

clean: ## delete what was made: .venv and caches; results/ and data/ stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build *.egg-info
	find exfuse tests -name __pycache__ -type d -prune -exec rm -rf {} +
