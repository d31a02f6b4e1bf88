# Everything a person or CI does with this project. Needs Python 3.11 or newer and make; `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
POSTGRES_URL ?= postgres://postgres@127.0.0.1:5432/lockstep_test
TEST_REDIS_URL ?= redis://127.0.0.1:6379/9
PYTEST_ARGS ?=
PARALLEL := -n auto --dist worksteal
# Processes killed, disks filled, vendors gone mad: the chaos table has a command of its own, make chaos.
all_tests = $(BIN)/python -m pytest $(PARALLEL) --ignore=tests/chaos $(PYTEST_ARGS)
FAST := -m "not slow and not property and not browser" --ignore=tests/chaos --ignore=tests/sandbox --ignore=tests/browser \
	--ignore=tests/integration/recipes --ignore=tests/docs --ignore=tests/cases
BENCH ?=
MUTANTS ?=
SWITCHES ?= all
RECORDINGS ?= var/recordings
MINUTES ?= 10
# The demo has a database and ports of its own: web port, sandbox port, name.
demo_env = LOCKSTEP_DEVELOPMENT=1 LOG_LEVEL=WARNING REDIS_URL= PUBLIC_URL=http://127.0.0.1:$(1) \
	PIPEDRIVE_CLIENT_ID=lockstep-sandbox PIPEDRIVE_CLIENT_SECRET=sandbox-client-secret-0001 \
	HUBSPOT_CLIENT_ID=a1b2c3d4-lockstep-sandbox HUBSPOT_CLIENT_SECRET=sandbox-client-secret-hubspot-0001 \
	SANDBOX_URL=http://127.0.0.1:$(2) DATABASE_URL=sqlite:///$(CURDIR)/var/$(3).sqlite3

.PHONY: help demo demo-check demo-switches test test-postgres test-fast search mutants mutants-map mutants-random switches compare coverage metrics check messages audit chaos chaos-postgres soak screenshots bench run fmt clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(STAMP): requirements.txt requirements-dev.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: $(STAMP) ## start everything with sandbox vendors and play a small story; ends with Ctrl-C
	$(call demo_env,8000,8900,demo) $(BIN)/python manage.py demo

demo-check: $(STAMP) ## the same without a person: one line per item of each recipe
	$(call demo_env,8001,8901,demo-check) $(BIN)/python manage.py demo --check

demo-switches: $(STAMP) ## demo-check with open questions answered the other way, sixteen sets; SETS="all bit-0" for some
	$(call demo_env,8001,8901,demo-check) $(BIN)/python -m tests.demo_switches $(if $(SETS),--only $(SETS))

test: $(STAMP) ## all tests but the chaos table, embedded default (SQLite, ORM broker)
	$(all_tests)

test-postgres: $(STAMP) ## the same on PostgreSQL and Redis
	DATABASE_URL=$(POSTGRES_URL) REDIS_URL=$(TEST_REDIS_URL) $(all_tests)

test-fast: $(STAMP) ## within a minute, what to run at each change: no browser, no recipe of its own, nothing slow
	$(BIN)/python -m pytest $(PARALLEL) $(FAST) $(PYTEST_ARGS)

search: $(STAMP) ## look for new examples that break a promise; MINUTES=30
	$(BIN)/python -m tests.search --minutes $(MINUTES)

mutants: $(STAMP) ## small faults put into the code one at a time, each noticed by a test; MUTANTS="--area engine"
	DATABASE_URL=$(POSTGRES_URL) REDIS_URL=$(TEST_REDIS_URL) $(BIN)/python -m tests.mutants $(MUTANTS)

mutants-map: $(STAMP) ## note which tests execute which lines; mutants-random chooses its tests by it
	$(BIN)/python -m pytest -p tests.mutants.coverage_map tests/integration tests/walks tests/tenants

mutants-random: $(STAMP) ## five hundred faults made by cosmic-ray; MUTANTS="--seed 2". Run mutants-map first
	$(BIN)/python -m tests.mutants.generated $(MUTANTS)

switches: $(STAMP) ## every walk once per open question of its vendors, answered the other way; SWITCHES=text for a tenth
	$(BIN)/python -m pytest $(PARALLEL) tests/walks --switches "$(SWITCHES)" $(PYTEST_ARGS)

compare: $(STAMP) ## hold the sandbox against recordings of real accounts; RECORDINGS=var/recordings
	$(BIN)/python -m tests.recordings $(RECORDINGS)

coverage: $(STAMP) ## which lines and branches the tests reach, room by room; takes twice as long as the tests
	$(BIN)/python -m pytest $(PARALLEL) --ignore=tests/chaos --cov --cov-report= --cov-report=json:var/coverage.json $(PYTEST_ARGS)
	$(BIN)/python .ci/metrics.py

metrics: $(STAMP) ## figures of the code, room by room: size, density, complexity, types, docstrings, coverage
	$(BIN)/python .ci/metrics.py

check: $(STAMP) ## lint, types, complexity, texts, import direction, migrations, production settings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/complexity.py
	$(BIN)/python .ci/texts.py
	LOCKSTEP_DEVELOPMENT=1 LOG_LEVEL=WARNING $(BIN)/python manage.py makemigrations --check --dry-run
	LOG_LEVEL=WARNING PUBLIC_URL=https://hub.example.com ALLOWED_HOSTS=hub.example.com \
		SECRET_KEY=check-only-$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(50))') \
		LOCKSTEP_SECRET_KEYS=$$($(BIN)/python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') \
		LOCKSTEP_HASH_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(32))') $(BIN)/python manage.py check --deploy --fail-level WARNING

messages: $(STAMP) ## collect the marked texts and bring the catalogues in locale/ up to date
	$(BIN)/python .ci/messages.py

audit: $(STAMP) ## known advisories about what the hub needs to run; says so when nobody can be asked
	$(BIN)/python .ci/audit.py

chaos: chaos-postgres ## the chaos table: faults and bad input, on PostgreSQL and Redis, then on the embedded default
	$(BIN)/python -m pytest --chaos $(PARALLEL) $(PYTEST_ARGS) tests/chaos

# Most of it waits for processes to die and to come back, so more of them run than there are cores.
chaos-postgres: $(STAMP) ## the chaos table on PostgreSQL and Redis
	DATABASE_URL=$(POSTGRES_URL) REDIS_URL=$(TEST_REDIS_URL) $(BIN)/python -m pytest --chaos -n 4 --dist worksteal $(PYTEST_ARGS)

soak: $(STAMP) ## five recipes under random faults; MINUTES=30
	DATABASE_URL=$(POSTGRES_URL) $(BIN)/python -m benchmarks.soak --minutes $(MINUTES)

screenshots: $(STAMP) ## pictures of every page of portal and console, desktop and phone, into docs/screenshots
	SCREENSHOTS=docs/screenshots $(BIN)/python -m pytest tests/browser

bench: $(STAMP) ## measure, each figure with its baseline of the same run; BENCH="console --json" for one
	DATABASE_URL=$(POSTGRES_URL) $(BIN)/python -m benchmarks $(BENCH)

run: $(STAMP) ## start web and worker for real vendor accounts (settings from .env)
	$(BIN)/python manage.py serve

fmt: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove the environment and all local data
	rm -rf $(VENV) var
