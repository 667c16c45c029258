# Every command that a person types. `make` alone lists them.

VENV ?= .venv
BIN := $(VENV)/bin
PYTHON_READY := $(VENV)/.python
RUN_READY := $(VENV)/.run
READY := $(VENV)/.ready
# Libraries of others that play a bank and its partner in tests/strangers: what they need does not fit what Gerbang needs.
STRANGERS := $(VENV)/strangers
STRANGERS_READY := $(VENV)/.strangers
ARGS ?=

# The first of these that is Python 3.11 or newer, best one that can also make virtual environments.
# Another one can be named: make PYTHON=/opt/python/bin/python3
PYTHONS := python3 python3.14 python3.13 python3.12 python3.11

# Programs of a virtual environment begin with its path, and are lost when the folder is moved; modules are not.
MODULE := $(BIN)/python -m
PIP := $(MODULE) pip --quiet --disable-pip-version-check
# $(call install,LOCK): what a lock names, printed as it is installed, and Gerbang itself from this folder.
install = $(MODULE) pip --disable-pip-version-check install --require-hashes -r $(1) && \
	$(SELF)
SELF := $(PIP) install --no-deps --no-build-isolation -e .
# Where the folder was moved, $(BIN)/gerbang and Python's way to this folder lead to where it was.
set_right = grep -qsF "$$(cd $(BIN) && pwd -P)/python" $(BIN)/gerbang || \
	{ echo "This folder was moved: setting $(BIN)/gerbang right ..."; $(SELF); }

# Without its Python, as on another machine, it is made again.
ifneq ($(shell test -x $(BIN)/python || echo gone),)
$(shell rm -f $(PYTHON_READY) $(RUN_READY) $(READY) $(STRANGERS_READY))
endif

UPGRADE ?= --upgrade
COMPILE := build/lock/bin/uv --no-config pip compile --universal --python-version 3.11 --quiet \
	--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

# Programs are started hundreds of times by the tests: what Python compiles is kept.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := list
.PHONY: list run test test-fast lint format bench screenshots docs lock clean

list: ## list these commands
	@echo "Usage: make <command> [ARGS=\"...\"]"
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS="$$(printf '\t')" read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

run: $(RUN_READY) ## start everything in one process, with a sandbox merchant; options: make run ARGS="--port 9000"
	@$(set_right)
	@exec $(MODULE) gerbang run $(ARGS)

test: $(READY) $(STRANGERS_READY) ## run the tests; some of them: make test ARGS="tests/domain -x"
	@$(set_right)
	$(MODULE) pytest -q -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-fast: $(READY) ## run most tests in less than a minute: those that need little, with a few of their values
	@$(set_right)
	$(MODULE) pytest -q -n auto --dist loadfile --no-loadscope-reorder --fast $(ARGS)

lint: $(READY) ## check style and types; changes nothing
	$(MODULE) ruff check .
	$(MODULE) ruff format --check .
	$(MODULE) pyright --pythonpath $(BIN)/python

format: $(READY) ## put the source into its form, and repair what can be repaired
	$(MODULE) ruff check --fix .
	$(MODULE) ruff format .

bench: $(READY) ## measure, and print the table (needs wrk and pgbench)
	$(MODULE) benchmarks $(ARGS)

screenshots: $(READY) ## take the pictures of the pages again
	$(MODULE) docs.screenshots $(ARGS)

docs: $(READY) ## write the pages of docs/ that are printed from the code
	$(MODULE) docs.print $(ARGS)

lock: $(READY) ## find the newest versions of everything, and write the locks; keep them: make lock UPGRADE=
	$(BIN)/python -m venv build/lock
	build/lock/bin/pip install --quiet --disable-pip-version-check uv
	$(COMPILE) pyproject.toml --all-extras $(UPGRADE) --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra embedded --extra build --constraint requirements.lock --no-annotate \
		--output-file requirements-run.lock
	$(COMPILE) tests/strangers/libraries.in --overrides tests/strangers/overrides.in $(UPGRADE) \
		--output-file requirements-strangers.lock

clean: ## remove what was installed and made (never ./var, which holds your payments)
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Each is made once, and again when what it is made from has changed. What runs needs no tools for testing.
$(RUN_READY): requirements-run.lock pyproject.toml | $(PYTHON_READY)
	@echo "Installing what Gerbang needs to run: about 50 MB to load, 200 MB on the disk ..."
	@$(call install,requirements-run.lock) && touch $@

$(READY): requirements.lock pyproject.toml | $(PYTHON_READY)
	@echo "Installing what testing needs: about 190 MB to load, 700 MB on the disk ..."
	@$(call install,requirements.lock) && touch $@ $(RUN_READY)

# Nothing looks whether these fit each other: their lock says more than they themselves do (tests/strangers/overrides.in).
$(STRANGERS_READY): requirements-strangers.lock | $(READY)
	@echo "Installing client libraries of others to test with: about 10 MB to load, 40 MB on the disk ..."
	@$(MODULE) venv --clear --without-pip $(STRANGERS)
	@$(MODULE) pip --disable-pip-version-check --python $(STRANGERS) install --no-deps --require-hashes \
		-r requirements-strangers.lock && touch $@

$(PYTHON_READY):
	@set -eu; \
	if $(BIN)/python -c 'import pip' 2>/dev/null; then touch $@; exit 0; fi; \
	chosen=""; old=""; bare=""; \
	for python in $(or $(PYTHON),$(PYTHONS)); do \
		"$$python" -c '' 2>/dev/null || continue; \
		if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then old="$$old $$python"; continue; fi; \
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then bare="$$bare $$python"; continue; fi; \
		chosen="$$python"; break; \
	done; \
	if [ -z "$$chosen" ] && [ -n "$$bare" ]; then \
		echo "Python is here ($${bare# }), but it cannot make virtual environments." >&2; \
		echo "On Debian and Ubuntu: apt-get install python3-venv. Then run make again." >&2; exit 1; \
	elif [ -z "$$chosen" ]; then \
		echo "Gerbang needs Python 3.11 or newer, and none was found$${old:+ (too old:$$old)}." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; \
	fi; \
	echo "Preparing $(VENV) with $$("$$chosen" --version); this happens once ..."; \
	"$$chosen" -m venv --clear $(VENV); \
	touch $@
