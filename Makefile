# Everything runs in a virtual environment of this checkout; nothing else is assumed but
# Python 3.11 or newer, git and make.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
# The tests in their compiled form are kept, also where PYTHONDONTWRITEBYTECODE is set: to compile
# them takes each worker as long as to import them.
PYTEST  = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest

.PHONY: help demo test test-fast check bench bench-scale properties chaos mutation trials walk fuzz quality pictures readers judge docs messages timing audit sbom release format lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: $(VENV)/run.stamp ## the whole service on a replica of the source, until Ctrl-C
	@$(BIN)/watchword demo

test: check ## lint, types, import rules, every test and its branch coverage
	@$(PYTEST) -n auto --dist worksteal -p tests.support.branch_coverage

test-fast: $(VENV)/dev.stamp ## the tests that need no server, browser or process of their own
	@$(PYTEST) -n logical --dist worksteal -q -m "not (browser or kill or postfix or postgres or process or slow)"

check: $(VENV)/dev.stamp ## lint, types and import rules only
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/deptry alerts crawler scheduler >/dev/null 2>&1 || $(BIN)/deptry alerts crawler scheduler
	@$(BIN)/lint-imports --no-logo >/dev/null || $(BIN)/lint-imports --no-logo

bench: $(VENV)/dev.stamp ## measure what the service costs
	@$(BIN)/python -m benchmarks.extraction
	@$(BIN)/python -m benchmarks.crawl
	@$(BIN)/python -m benchmarks.matching
	@$(BIN)/python -m benchmarks.digests
	@$(BIN)/python -m benchmarks.delivery
	@$(BIN)/python -m benchmarks.web
	@$(BIN)/python -m benchmarks.search
	@$(BIN)/python -m benchmarks.attack
	@$(BIN)/python -m benchmarks.idle

bench-scale: $(VENV)/dev.stamp ## what many subscribers cost, and what a second processor brings (ARGS="--subscribers 1000000")
	@$(BIN)/python -m benchmarks.scale $(ARGS)

properties: $(VENV)/dev.stamp ## the property tests with all their examples: make test draws a tenth
	@WATCHWORD_EXAMPLES=all $(PYTEST) -n auto -q $$(grep -rl "count_examples" tests/alerts)

chaos: $(VENV)/dev.stamp ## the service among kills, restarts and faults, for MINUTES=30
	@$(BIN)/python -m tests.chaos --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

mutation: $(VENV)/dev.stamp ## whether mypy and the tests notice edits of the code (ARGS=alerts/queries)
	@$(BIN)/python -m tools.mutation $(ARGS)

trials: $(VENV)/dev.stamp ## a whole cluster among faults, with SUBSCRIBERS=20000 (needs PostgreSQL)
	@$(BIN)/python -m tests.trials --subscribers $(or $(SUBSCRIBERS),20000)

walk: $(VENV)/dev.stamp ## from a bare Debian to a service, as a new operator would (needs root; writes its page)
	@$(BIN)/python -m tests.walk

fuzz: $(VENV)/dev.stamp ## random input for all that reads from outside, for SECONDS=1800
	@$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),1800) $(if $(SEED),--seed $(SEED))

quality: $(VENV)/dev.stamp ## how well topics find what their subscribers meant
	@$(BIN)/python -m tests.quality

pictures: $(VENV)/dev.stamp ## pictures of the pages and the emails for the docs (needs Chromium)
	@$(BIN)/python -m tools.page_screenshots

readers: $(VENV)/dev.stamp ## what feedparser and newsboat make of the feeds
	@$(BIN)/python -m tools.feed_readers

judge: $(VENV)/dev.stamp ## what SpamAssassin and HTML checkers say of a digest
	@$(BIN)/python -m tools.digest_checks

docs: $(VENV)/dev.stamp ## write what the code says into docs/, and build them as a site into site/
	@$(BIN)/python -m tools.docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

messages: $(VENV)/dev.stamp ## write, update and compile the catalogues of texts for translators
	@$(BIN)/python -m tools.messages

timing: $(VENV)/dev.stamp ## whether the time of an answer tells who is subscribed to what
	@$(BIN)/python -m benchmarks.timing

audit: $(VENV)/dev.stamp ## what advisories are known about the packages of the locks
	@$(BIN)/python -m tools.audit

sbom: $(VENV)/dev.stamp ## the bill of materials of the service, as CycloneDX: sbom.cdx.json
	@$(BIN)/python -m tools.sbom requirements.lock > sbom.cdx.json

release: $(VENV)/dev.stamp ## build wheel, source and bill of materials into dist/, and try them (PYTHONS="python3.11 ...")
	@$(BIN)/python -m tools.release

format: $(VENV)/dev.stamp ## put the code in its usual form
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

lock: ## resolve the dependencies again (needs uv)
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --extra demo --group pyproject.toml:build pyproject.toml \
	  -o requirements.lock
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --group pyproject.toml:build --group pyproject.toml:dev \
	  --all-extras -c requirements.lock pyproject.toml -o requirements-dev.lock

clean: ## remove what the targets above made; var/, with the ledger, stays
	@rm -rf $(VENV) demo site .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "watchword needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The locks are whole, so nothing is resolved: left to it, pip takes the newest of what is asked for
# with an extra (coverage[toml]), and refuses to install once that is newer than the lock's.
# Whether they are whole and fit pyproject.toml, pip check says after it.
INSTALL_LOCKED = $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r
CHECK_LOCKED   = $(BIN)/pip --disable-pip-version-check check --quiet || { \
	  $(BIN)/pip check >&2; echo "The lock does not fit pyproject.toml: make lock, then this again." >&2; exit 1; }

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/pip
	@echo "Installing what the service needs into $(VENV) (once) ..."
	@$(INSTALL_LOCKED) requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(CHECK_LOCKED)
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock $(VENV)/run.stamp
	@echo "Installing what the tests need into $(VENV) (once) ..."
	@$(INSTALL_LOCKED) requirements-dev.lock
	@$(CHECK_LOCKED)
	@touch $@
