# The project's commands. On a fresh machine with Python 3.11 and make: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
PIP = .venv/bin/pip --disable-pip-version-check --quiet
WORKERS ?= 2

.PHONY: help venv demo test lint mutants sweep soak compat bench ci-tools lock image clean

help:            ## list the commands
	@grep -hE '^[a-z-]+: .*## |^[a-z-]+: +## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

venv: .venv/dev  ## make .venv with everything that the tests need

.venv/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' || { echo "syncd needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	$(PYTHON) -m venv .venv
	@touch $@

.venv/sandbox: .venv/pip requirements/sandbox.lock requirements/build.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements/sandbox.lock -r requirements/build.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/pip requirements/dev.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements/dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@ .venv/sandbox

demo: .venv/sandbox ## the whole thing on a local emulated org; ARGS=--keep leaves it running
	.venv/bin/syncd demo $(ARGS)

test: .venv/dev  ## the tests, at most 5 minutes on 2 cores
	.venv/bin/pytest -n $(WORKERS) -m "not sweep and not soak and not compat" $(ARGS)

lint: .venv/dev  ## ruff and mypy, and shellcheck where it is installed
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	@if command -v shellcheck >/dev/null; then shellcheck .ci/run requirements/compile.sh; \
	elif [ -n "$$CI" ]; then echo "shellcheck is missing: run make ci-tools"; exit 1; \
	else echo "shellcheck is not installed: the shell scripts were not checked (make ci-tools)"; fi

mutants: .venv/dev ## would the tests notice if the judging were a little wrong? see docs/mutation.md
	.venv/bin/python -m tests.mutation --workers $(WORKERS) $(ARGS)

sweep: .venv/dev ## the slow, exhaustive tests: kill -9 at every request and commit of a cycle
	.venv/bin/pytest -n $(WORKERS) -m sweep --timeout 1200 $(ARGS)

soak: .venv/dev  ## the longest tests
	.venv/bin/pytest -m "soak or sweep" --timeout 7200 $(ARGS)

compat: .venv/dev ## other people's Salesforce clients against the emulated org (make ci-tools installs them)
	.venv/bin/pytest -n $(WORKERS) -m compat --timeout 300 tests/compat $(ARGS)

bench: .venv/dev ## measure against the floor, on this machine
	.venv/bin/python -m bench $(ARGS)

ci-tools: .compat/clients/ready .compat/azurite/ready .compat/tap/ready .compat/target/ready ## what CI needs beyond Python and make (Debian)
	apt-get update -qq && apt-get install -y -qq --no-install-recommends shellcheck git postgresql

.compat/clients/ready .compat/azurite/ready: .compat/%/ready: tests/compat/%/package.json tests/compat/%/package-lock.json
	@command -v npm >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends npm; }
	rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	cd $(@D) && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@touch $@

.compat/tap/ready .compat/target/ready: .compat/%/ready: requirements/%.lock
	rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	$(@D)/bin/pip --disable-pip-version-check --quiet install --no-deps --require-hashes -r $<
	@touch $@

lock: .venv/dev  ## lock the dependencies again after a change of pyproject.toml
	$(PIP) install uv
	requirements/compile.sh

image:           ## build the container image
	docker build -t syncd .

clean:           ## forget the environment and the demo
	rm -rf .venv .compat syncd-demo .mypy_cache .ruff_cache .pytest_cache
