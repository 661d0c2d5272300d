# Every chore of this repository is one command. `make help` lists them.
#
#   make test PYTHON=python3.12     the same with another CPython, in an environment of its own
#   make test ARGS="-k digest -x"   pytest's own options

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=

ifeq ($(PYTHON),python3)
VENV := .venv
else
VENV := .cache/venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif

# What is measured is what users have: tare with what it needs, and without the tools for development.
INSTALLED := .cache/installed

BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
LOCK := pip compile --quiet --upgrade --universal --python-version 3.11 --fork-strategy fewest \
	--generate-hashes --no-emit-index-url --no-header
SCRIPTS := tools $(wildcard benchmarks lab)

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit test-e2e test-slow test-crash test-reproducible test-dockerfiles lint format bench lab lab-down lock clean .venv run-venv dev-venv engines

help:  ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## */\1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: run-venv  ## build an image of examples/science straight from wheels, and run it
	$(BIN)/tare build examples/science --output oci:dist/science
	$(BIN)/tare run oci:dist/science

ifeq ($(ARGS),)
# Engines share one machine, so their tests run in one process, after all that can fail sooner.
test: dev-venv engines  ## all tests but the slow ones: first unit tests, then real engines and indexes
	$(PYTEST) -n $(WORKERS) -m "not slow and not e2e"
	$(PYTEST) -m "e2e and not slow"
else
test: dev-venv engines
	$(PYTEST) -m "not slow" $(ARGS)
endif

test-unit: dev-venv  ## only what needs no network and no engine
	$(PYTEST) -n $(WORKERS) -m "not slow and not e2e" $(ARGS)

test-e2e: dev-venv engines  ## only what runs real engines, indexes and mirrors
	$(PYTEST) -m "e2e and not slow" $(ARGS)

test-slow: dev-venv engines  ## what takes minutes: large wheels, other processors, the whole matrix
	$(PYTEST) -m slow $(ARGS)

test-crash: dev-venv engines  ## a build and push that ends at every single system call; prints how many moments there were
	$(PYTEST) tests/registry/test_crash_sweep.py -s $(ARGS)

test-reproducible: dev-venv engines  ## the same image under all circumstances, two by two; prints what was tried
	$(PYTEST) tests/reproducibility $(ARGS)

test-dockerfiles: dev-venv engines  ## build and run every generated Dockerfile, with an engine of its own (as root)
	@lab="$$($(PYTHON) lab/lab.py up --services)"; eval "$$lab"; $(PYTEST) -m slow tests/dockerfile/test_builds.py tests/dockerfile/test_builds_layouts.py $(ARGS); \
		code=$$?; $(PYTHON) lab/lab.py down; exit $$code

lint: dev-venv  ## style, types, and the rules of this house
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy $(SCRIPTS)
	$(BIN)/python tools/check_house.py

format: dev-venv  ## rewrite what a formatter can decide
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: dev-venv engines  ## measure against the budgets; writes benchmarks/RESULTS.md
	@$(PYTHON) tools/bootstrap.py --venv $(INSTALLED) run
	$(BIN)/python benchmarks/run.py $(ARGS)

lab: engines  ## start Docker, a registry with base images, and PostgreSQL of this checkout's own (as root); prints exports
	@$(PYTHON) lab/lab.py up $(ARGS)

lab-down:  ## stop what `make lab` started
	@$(PYTHON) lab/lab.py down

lock: dev-venv  ## pin our requirements and the examples' anew, with hashes and without addresses
	$(BIN)/uv $(LOCK) pyproject.toml -o requirements/run.txt
	$(BIN)/uv $(LOCK) --all-extras requirements/dev.in pyproject.toml -c requirements/run.txt -o requirements/dev.txt
	cd src/tare/bench/projects/work && $(abspath $(BIN))/uv $(LOCK) pyproject.toml -o requirements.txt
	cd src/tare/bench/projects/learning && $(abspath $(BIN))/uv $(LOCK) --only-binary :all: --emit-build-options -c ../work/requirements.txt pyproject.toml -o requirements.txt
	cd src/tare/bench/projects/app && $(abspath $(BIN))/uv $(LOCK) -c ../work/requirements.txt pyproject.toml -o requirements.txt
	cd examples/api && $(abspath $(BIN))/uv $(LOCK) pyproject.toml -o requirements.txt
	cd examples/science && $(abspath $(BIN))/uv $(LOCK) pyproject.toml -o requirements.txt

clean:  ## remove everything that is not in git and was made here
	rm -rf .venv .cache .lab .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist

.venv: dev-venv

run-venv:
	@$(PYTHON) tools/bootstrap.py --venv $(VENV) run

dev-venv:
	@$(PYTHON) tools/bootstrap.py --venv $(VENV) dev

# Installs what Debian has, when it may; a test whose engine is missing says that it was skipped, and why.
engines:
	@sh tools/lab-install.sh >&2 || echo "engines: some are missing; their tests will be skipped" >&2
