# Every target does the set-up it needs. PYTHON and VENV choose another interpreter and place.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TESTS  ?= tests
# Processes that run tests: one more than there are processors, since tests with engines wait for these.
TESTERS ?= $(shell expr $$(nproc) + 1)
# For how long to soak and to fuzz, which of the fuzzer's targets (all if none is named), and whether to keep its finds.
SECONDS ?=
TARGET  ?=
KEEP    ?=
# Another clone with a .venv, to compare the start of the proxy with.
OTHER   ?=
# The socket of a Docker engine, to compare builds on it.
ENGINE  ?=
# What to compare the tables with: moby's api/swagger.yaml or a folder of them, and the folders of the engines' sources.
SWAGGER ?=
MOBY    ?=
PODMAN  ?=

# As images of Python set it: each process that runs tests would compile all of them by itself.
unexport PYTHONDONTWRITEBYTECODE

# The tests of the pure core, and each of these folders and files as a target of its own.
CORE   := tests/policy tests/config tests/api tests/wire tests/test_problems.py tests/test_settings.py tests/test_text.py
QUICK  := $(CORE:%=quick/%)

.PHONY: help run test quick $(QUICK) newest coverage check audit drift fuzz format soak bench site image packages clean
help: ## what can be made
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

run: $(VENV)/run ## the proxy in front of this machine's engine, or of a stand-in
	@$(BIN)/dockerproxy demo

test: ## every test that this machine can run; as root on Debian, it installs what they need
	@tests/setup
	@$(MAKE) --no-print-directory $(VENV)/dev
	$(BIN)/python -m pytest --numprocesses=$(TESTERS) --maxprocesses=4 --dist=loadfile --no-loadscope-reorder --durations=20 $(TESTS); status=$$?; $(give_back); exit $$status

# After sudo, whoever owns the clone owns what was made in it, caches above all. -h: a link's target keeps its owner.
give_back = [ "$$(id -u)" -ne 0 ] || chown -hR --from=root --reference=Makefile .

quick: $(VENV)/dev ## what to run after each edit: the checks, and the tests of the pure core with few examples
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target check $(QUICK)

$(QUICK):
	@echo $(@:quick/%=%)
	@$(BIN)/python -m pytest --quiet --override-ini=verbosity_test_cases=-2 --hypothesis-profile=quick $(@:quick/%=%)

# The router has a Podman of its own.
newest: $(VENV)/dev .podman/usr/bin/podman ## the tests that Podman serves, on the newest one that Debian has; needs root
	PODMAN_ROOT=$(CURDIR)/.podman $(BIN)/python -m pytest tests/e2e -k '(podman or libpod) and not (router or soak)'

coverage: $(VENV)/dev ## the pure core, every branch of which the tests beside it must visit
	$(BIN)/coverage run -m pytest -q $(CORE)
	$(BIN)/coverage report --fail-under=100 --show-missing \
	  --include='src/dockerproxy/api/*,src/dockerproxy/wire/*,src/dockerproxy/policy/*,src/dockerproxy/settings.py,src/dockerproxy/problems.py,src/dockerproxy/text.py'

check: $(VENV)/dev ## formatter, linter, types, import contracts, workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet .github

audit: ## the files that decide what passes, in the order in which to read them
	@$(PYTHON) tests/audit.py

drift: $(VENV)/dev ## compare the tables with the engines' sources: SWAGGER=moby/api/swagger.yaml MOBY=moby PODMAN=podman
	PYTHONPATH=tests $(BIN)/python -m drift $(if $(SWAGGER),--swagger $(SWAGGER)) $(if $(MOBY),--moby $(MOBY)) $(if $(PODMAN),--podman $(PODMAN)) $(if $(KEEP),--keep)

fuzz: $(VENV)/fuzz ## try the readers with inputs that look for new ways through them
	PYTHONPATH=tests $(BIN)/python -m fuzz $(TARGET) --seconds $(or $(SECONDS),60) $(if $(KEEP),--keep)

format: $(VENV)/dev ## let the formatter and the linter mend what they can
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

soak: $(VENV)/dev ## real clients at work for half an hour while much goes wrong, or for SECONDS=60; needs root
	SOAK_SECONDS=$(or $(SECONDS),1800) $(BIN)/python -m pytest -q -s tests/e2e/test_soak.py

bench: $(VENV)/dev ## side by side with HAProxy and no proxy, as ratios; its start with that of OTHER=clone, and builds on ENGINE=socket
	$(BIN)/python bench/compare.py
	$(BIN)/python bench/starting.py $(OTHER)
	$(if $(ENGINE),$(BIN)/python bench/building.py $(ENGINE))

site: $(VENV)/dev ## the documentation as a site, in .site/html
	site/build $(BIN)

image: ## the image of the last commit, as it is released, in dist; ARCHITECTURE=arm64 for another processor; needs Debian 13
	packaging/release image

packages: $(VENV)/dev ## the Python and Debian packages of the last commit, with man page and completions, in dist
	PYTHON=$(BIN)/python packaging/release packages

clean: ## remove what the targets made
	rm -rf $(VENV) dist .fuzz .podman .collectors .site .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

.podman/usr/bin/podman:
	rm -rf .podman
	mmdebstrap --quiet --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' \
	  --include=podman,runc,netavark,aardvark-dns,ca-certificates,iptables testing .podman

install = $(BIN)/pip install --quiet --editable '$(1)' || \
  { echo "pip cannot install the packages. Check the network, or name another index with PIP_INDEX_URL." >&2; exit 1; }

$(VENV)/run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name one with: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "This Python has no venv. On Debian and Ubuntu: sudo apt-get install -y python3-venv" >&2; exit 1; }
	@echo "Installing the proxy in $(VENV). This takes up to a minute, and only the first time."
	@$(PYTHON) -m venv $(VENV)
	@$(call install,.)
	@touch $@

$(VENV)/dev: $(VENV)/run
	@$(call install,.[dev])
	@touch $@

$(VENV)/fuzz: $(VENV)/dev
	@$(call install,.[fuzz])
	@touch $@
