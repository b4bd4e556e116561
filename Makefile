# make demo | test | test-quick | test-all | lint | serve | bench | notebooks | real-server | clean
# the Python of a new environment, such as PYTHON=python3.13
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 5006
LOGS ?= logs
# the newest release that everything is tested against; another one gets a folder and
# ports of its own, so that both can run side by side
NEWEST_VERSION := 0.3.113
REAL_VERSION ?= $(NEWEST_VERSION)
IS_NEWEST := $(filter $(NEWEST_VERSION),$(REAL_VERSION))
REAL_FOLDER := .real-server$(if $(IS_NEWEST),,-$(REAL_VERSION))
REAL_PORT ?= $(if $(IS_NEWEST),8080,8083)
# the binary: named by the environment, of the newest on the path, or built here
REAL_SERVER := $(or $(RUSTPBX_LAB_REAL_SERVER),$(if $(IS_NEWEST),$(shell command -v active-call)),$(abspath $(REAL_FOLDER))/bin/active-call)

# processes that tests start would compile all that they import, each time anew
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-quick test-all lint serve bench notebooks real-server clean

# uv takes the versions of uv.lock; without it pip takes the newest that are allowed
UV := $(shell command -v uv 2>/dev/null)
ifdef UV

SYNC := $(UV) sync --quiet --inexact $(if $(PYTHON),--python $(PYTHON))

$(VENV)/.local-installed: pyproject.toml uv.lock
	$(SYNC) --no-default-groups --extra local
	touch $@

$(VENV)/.dev-installed: pyproject.toml uv.lock
	$(SYNC) --all-extras
	touch $@ $(VENV)/.local-installed

else

PYTHON := $(or $(PYTHON),python3)

# a group of dependencies needs pip 25.1; Python 3.11 comes with an older one
$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "rustpbx-lab needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'

$(VENV)/.local-installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[local]'
	touch $@

$(VENV)/.dev-installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	touch $@ $(VENV)/.local-installed

endif

demo: $(VENV)/.local-installed
	$(BIN)/rustpbx-lab demo --port $(PORT)

serve: $(VENV)/.local-installed
	$(BIN)/rustpbx-lab serve --port $(PORT) --logs $(LOGS)

# spread over all cores; PYTEST='-m smoke' or PYTEST=tests/log narrows it down
PYTEST ?=
ALL_CORES := --numprocesses auto --dist worksteal

test: $(VENV)/.dev-installed
	$(BIN)/python -m pytest $(ALL_CORES) $(PYTEST)

# neither a browser nor the speech models
test-quick: $(VENV)/.dev-installed
	$(BIN)/python -m pytest $(ALL_CORES) -m 'not browser and not speech and not slow' $(PYTEST)

# every Python of this machine, newest and lowest versions: see noxfile.py
test-all: $(VENV)/.dev-installed
	$(BIN)/nox

lint: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright
	$(BIN)/python -m pytest -q tests/test_language.py  # words to avoid

notebooks: $(VENV)/.dev-installed
	$(BIN)/python -m pytest -p nbmake.pytest_plugin --nbmake notebooks

bench: $(VENV)/.dev-installed
	mkdir -p benchmarks/results
	$(BIN)/python benchmarks/log.py --json benchmarks/results/log.json
	$(BIN)/python benchmarks/vad.py --json benchmarks/results/vad.json
	$(BIN)/python benchmarks/ingest.py --json benchmarks/results/ingest.json

# the build takes about ten minutes and needs Rust; its compiler wants a large stack
$(abspath $(REAL_FOLDER))/bin/active-call:
	RUST_MIN_STACK=16777216 cargo install active-call --version $(REAL_VERSION) --no-default-features --root $(REAL_FOLDER)

$(REAL_FOLDER)/server.toml: docs/real-server.toml
	mkdir -p $(REAL_FOLDER)
	n=$$(( $(REAL_PORT) - 8080 )) && sed -e "s/:8080/:$(REAL_PORT)/" -e "s/25060/$$((25060 + n))/" \
	  -e "s/12000/$$((12000 + n * 1000))/" -e "s/12999/$$((12999 + n * 1000))/" $< > $@

real-server: $(REAL_SERVER) $(REAL_FOLDER)/server.toml
	cd $(REAL_FOLDER) && exec $(REAL_SERVER) --conf server.toml $(if $(HANDLER),--handler $(HANDLER))

clean:
	rm -rf $(VENV) .nox build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
