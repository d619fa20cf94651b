# Everything a contributor runs. All targets set up what they need: virtual environment, programs, caches.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
# Only a kubeconfig that is named on the command line of make is used, never one that the shell happens to export.
MINE := $(if $(filter command line,$(origin KUBECONFIG)),--kubeconfig=$(KUBECONFIG))

.DEFAULT_GOAL := help
.PHONY: help demo test check lint type fmt install unit component cluster cases crds docs bench programs lock clean

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY) ## a commit rolling out on a real control plane; KUBECONFIG=... uses your own cluster
	@$(BIN)/python -m localcluster.demo $(MINE) $(ARGS)

test: $(READY) programs ## all tests but the bench; ARGS="-k name" to choose
	@$(BIN)/pytest -q -n 4 --dist loadscope --no-loadscope-reorder --reruns 1 -r aR $(ARGS)

check: lint type test ## everything that CI checks

lint: $(READY) ## format, style, import contracts, spelling, generated files
	@$(BIN)/ruff format --check -q . && $(BIN)/ruff check -q .
	@$(BIN)/lint-imports --no-logo > $(VENV)/.imports 2>&1 || (cat $(VENV)/.imports; false)
	@$(BIN)/codespell
	@$(BIN)/python -m shared.codegen crds --check && $(BIN)/python -m shared.codegen docs --check

type: $(READY) ## mypy --strict
	@$(BIN)/mypy

fmt: $(READY) ## format and fix what can be fixed
	@$(BIN)/ruff check -q --fix . ; $(BIN)/ruff format -q .

install: $(READY) ## the virtual environment

unit component cluster: $(READY) programs ## one tier of the tests
	@$(BIN)/pytest -q tests/$@ $(ARGS)

cases: $(READY) ## acceptance cases: covered and open ones per area
	@$(BIN)/python -m shared.testing.cases

crds: $(READY) ## write the CRDs of the charts from the models
	@$(BIN)/python -m shared.codegen crds

docs: $(READY) ## write the reference pages from the models
	@$(BIN)/python -m shared.codegen docs

bench: $(READY) programs ## figures of this machine: table, and JSON in bench-results/
	@$(BIN)/python tests/bench/run.py $(ARGS)

programs: $(READY)
	@$(BIN)/python -m localcluster build > /dev/null

lock: $(READY) ## write the lock files from pyproject.toml
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --all-extras pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --all-extras --group dev pyproject.toml -o requirements-dev.lock

clean: ## remove the virtual environment and what tools left
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache bench-results

$(READY): requirements-dev.lock pyproject.toml
	@command -v git > /dev/null || (echo "git is missing; install it and try again" >&2; false)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || \
	  (echo "Python 3.11 or newer is needed; install it, or name one: make PYTHON=python3.12 ..." >&2; false)
	@echo "  setting up $(VENV), once" >&2
	@$(PYTHON) -m venv $(VENV) || (echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; false)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@
