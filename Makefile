# Everything happens in .venv, made from a bare Python with pip alone.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check

# Tests of a file stay together, since they share what is slow to make.
CORES  := --numprocesses auto --maxprocesses 8 --dist loadfile

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env env-test demo test test-slow bench lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

env: $(VENV)/.runtime ## set up .venv to run shamtrial (PYTHON=python3.12 to choose another Python)

env-test: $(VENV)/.test ## set up .venv to run the tests too

demo: env ## a first study, written to out/demo
	@$(BIN)/python -m sim.cli demo --out out/demo

test: env-test ## lint, format, types, floors, then the tests; stops at the first failure
	@echo "== ruff check";          $(BIN)/ruff check
	@echo "== ruff format --check"; $(BIN)/ruff format --check
	@echo "== mypy";                $(BIN)/mypy
	@echo "== lint-imports";        $(BIN)/lint-imports --no-logo
	@echo "== pytest";              $(BIN)/python -m pytest $(CORES)

test-slow: env-test ## the tests marked slow
	@$(BIN)/python -m pytest -m slow $(CORES)

bench: env-test ## how fast studies run, beside other software; options: ARGS="--only j1,j2 --rounds 5"
	@$(BIN)/python -m tests.bench.bench $(ARGS)

# Added by hand: hatchling and editables, which build the project without build isolation, and colorama, which click and
# pytest need on Windows alone, so that resolving elsewhere would leave it out.
# The test lock starts as a copy of the runtime lock, so that the two agree and nothing is hashed twice. It holds
# importlib-metadata (for dask) below 10, which asks for a package of one release without author or project page.
lock: ## resolve both lock files anew, from the registry alone (with the oldest supported Python)
	@$(call need_python)
	@echo "resolving; this takes a few minutes"
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	unset PIP_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_NO_INDEX PIP_CONSTRAINT && \
	export PIP_CONFIG_FILE=/dev/null && \
	$(PYTHON) -m venv "$$tmp/venv" && "$$tmp/venv/bin/python" -m pip install --quiet pip-tools && \
	printf '%s\n' hatchling editables colorama > "$$tmp/more.in" && \
	compile() { out="$$1"; shift; "$$tmp/venv/bin/pip-compile" --quiet --generate-hashes --strip-extras --allow-unsafe \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
	  --output-file "$$tmp/$$out" "$$@" pyproject.toml "$$tmp/more.in" >/dev/null; } && \
	compile requirements.lock && \
	cp "$$tmp/requirements.lock" "$$tmp/requirements-test.lock" && \
	echo 'importlib-metadata<10' > "$$tmp/held.txt" && \
	compile requirements-test.lock --extra test --constraint "$$tmp/requirements.lock" --constraint "$$tmp/held.txt" && \
	mv "$$tmp/requirements.lock" "$$tmp/requirements-test.lock" .

clean: ## remove .venv, out/ and every cache
	@rm -rf $(VENV) out build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	@find sim tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environment: a stamp is written only when its step has succeeded ----

need_python = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "shamtrial needs Python 3.11 or newer; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1). Name another: make $(or $(MAKECMDGOALS),env) PYTHON=python3.12" >&2; exit 1; }

$(VENV)/.created:
	@$(call need_python)
	@echo "creating $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock pyproject.toml | $(VENV)/.created
	@echo "installing what shamtrial needs to run (a few minutes the first time)"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

# The test lock holds the runtime lock's versions and more, so installing it satisfies `make env` as well.
$(VENV)/.test: requirements-test.lock requirements.lock pyproject.toml | $(VENV)/.created
	@echo "installing what shamtrial and its tests need (a few minutes the first time)"
	@$(PIP) install --require-hashes -r requirements-test.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(VENV)/.runtime $@
