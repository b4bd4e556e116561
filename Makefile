# make demo | test | lint | serve | bench | notebooks | real-server | clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 5006
LOGS ?= logs
REAL_VERSION := 0.3.83
REAL_FOLDER := .real-server
# the binary: named by the environment, on the path, or built here
REAL_SERVER := $(or $(RUSTPBX_LAB_REAL_SERVER),$(shell command -v active-call),$(abspath $(REAL_FOLDER))/bin/active-call)

.PHONY: demo test lint serve bench notebooks real-server clean

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "rustpbx-lab needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.local-installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[local]'
	touch $@

$(VENV)/.dev-installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[local,dev]'
	touch $@ $(VENV)/.local-installed

demo: $(VENV)/.local-installed
	$(BIN)/rustpbx-lab demo --port $(PORT)

serve: $(VENV)/.local-installed
	$(BIN)/rustpbx-lab serve --port $(PORT) --logs $(LOGS)

test: $(VENV)/.dev-installed
	$(BIN)/python -m pytest

lint: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

notebooks: $(VENV)/.dev-installed
	$(BIN)/python -m pytest --nbmake notebooks

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
	cp $< $@

real-server: $(REAL_SERVER) $(REAL_FOLDER)/server.toml
	cd $(REAL_FOLDER) && exec $(REAL_SERVER) --conf server.toml $(if $(HANDLER),--handler $(HANDLER))

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
