# make demo | test | lint | serve | bench | notebooks | clean
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 5006
LOGS ?= logs

.PHONY: demo test lint serve bench notebooks clean

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

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
