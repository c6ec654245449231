# Every target does the set-up it needs. PYTHON and VENV choose another interpreter and folder.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
TESTS  ?= tests
# Processes that run tests: one more than processors, since tests with engines wait for the engine.
TESTERS ?= $(shell expr $$(nproc) + 1)
# How long to soak and fuzz, which target to fuzz (default: all), and whether to keep the fuzzer's finds.
SECONDS ?=
TARGET  ?=
KEEP    ?=
# Another clone with a .venv, to compare how fast the proxy starts.
OTHER   ?=
# The socket of a Docker engine, to compare builds on it.
ENGINE  ?=
# Sources to compare the tables with: moby's api/swagger.yaml or a folder of them, and the engines' source folders.
SWAGGER ?=
MOBY    ?=
PODMAN  ?=

# Images of Python set it, and then each process that runs tests would compile all tests again.
unexport PYTHONDONTWRITEBYTECODE

# The tests of the pure core, and a target for each of these folders and files.
CORE   := tests/policy tests/config tests/api tests/wire tests/test_problems.py tests/test_settings.py tests/test_text.py
QUICK  := $(CORE:%=quick/%)

.PHONY: help run test quick $(QUICK) newest coverage check audit drift fuzz format soak bench site image packages clean
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile | expand -t 20

run: $(VENV)/run ## run the proxy in front of this machine's engine, or of a stand-in
	@$(BIN)/dockerproxy demo

test: ## run all tests that this machine supports; as root on Debian, install their needs
	@tests/setup
	@$(MAKE) --no-print-directory $(VENV)/dev
	$(BIN)/python -m pytest --numprocesses=$(TESTERS) --maxprocesses=4 --dist=loadfile --no-loadscope-reorder --durations=20 $(TESTS); status=$$?; $(give_back); exit $$status

# After sudo, give new files, mostly caches, to the owner of the clone. -h: a link's target keeps its owner.
give_back = [ "$$(id -u)" -ne 0 ] || chown -hR --from=root --reference=Makefile .

quick: $(VENV)/dev ## run after each edit: the checks, and the tests of the core with few examples
	@$(MAKE) --no-print-directory --jobs=2 --keep-going --output-sync=target check $(QUICK)

$(QUICK):
	@echo $(@:quick/%=%)
	@$(BIN)/python -m pytest --quiet --override-ini=verbosity_test_cases=-2 --hypothesis-profile=quick $(@:quick/%=%)

# The router has its own Podman.
newest: $(VENV)/dev .podman/usr/bin/podman ## run the Podman tests on Debian's newest Podman; needs root
	PODMAN_ROOT=$(CURDIR)/.podman $(BIN)/python -m pytest tests/e2e -k '(podman or libpod) and not (router or soak)'

coverage: $(VENV)/dev ## require that the unit tests of the core visit every branch
	$(BIN)/coverage run -m pytest -q $(CORE)
	$(BIN)/coverage report --fail-under=100 --show-missing \
	  --include='src/dockerproxy/api/*,src/dockerproxy/wire/*,src/dockerproxy/policy/*,src/dockerproxy/settings.py,src/dockerproxy/problems.py,src/dockerproxy/text.py'

check: $(VENV)/dev ## run formatter, linter, type checker, import contracts and workflow checks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --no-progress --quiet .github

audit: ## list the files that decide what passes, in reading order
	@$(PYTHON) tests/audit.py

drift: $(VENV)/dev ## compare the tables with the engines' sources: SWAGGER=moby/api/swagger.yaml MOBY=moby PODMAN=podman
	PYTHONPATH=tests $(BIN)/python -m drift $(if $(SWAGGER),--swagger $(SWAGGER)) $(if $(MOBY),--moby $(MOBY)) $(if $(PODMAN),--podman $(PODMAN)) $(if $(KEEP),--keep)

fuzz: $(VENV)/fuzz ## fuzz the parsers, guided by coverage
	PYTHONPATH=tests $(BIN)/python -m fuzz $(TARGET) --seconds $(or $(SECONDS),60) $(if $(KEEP),--keep)

format: $(VENV)/dev ## format the code, and apply the linter's fixes
	$(BIN)/ruff format . && $(BIN)/ruff check --fix .

soak: $(VENV)/dev ## run real clients under faults for half an hour, or for SECONDS=60; needs root
	SOAK_SECONDS=$(or $(SECONDS),1800) $(BIN)/python -m pytest -q -s tests/e2e/test_soak.py

bench: $(VENV)/dev ## compare with HAProxy and no proxy, the start with OTHER=clone, builds on ENGINE=socket
	$(BIN)/python bench/compare.py
	$(BIN)/python bench/starting.py $(OTHER)
	$(if $(ENGINE),$(BIN)/python bench/building.py $(ENGINE))

site: $(VENV)/dev ## build the documentation site in .site/html
	site/build $(BIN)

image: ## build the release image of the last commit in dist; ARCHITECTURE=arm64 for another processor; needs Debian 13
	packaging/release image

packages: $(VENV)/dev ## build the Python and Debian packages of the last commit in dist, with man page and completions
	PYTHON=$(BIN)/python packaging/release packages

clean: ## remove build output
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
