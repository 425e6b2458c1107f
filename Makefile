# Needs Python 3.11 or newer and a package index; everything lands in .venv. Another interpreter: make run PYTHON=python3.12
PYTHON ?= python3
BIN := .venv/bin
ARGS ?= strategy=feature_transfer

.DEFAULT_GOAL := help
.PHONY: help run test test-all gpu check docs bench clean

help: ## Show this help
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

run: .venv/installed ## Install if needed, then run the main job: make run ARGS="strategy=parameter_transfer lam.value=inf"
	$(BIN)/tl-run $(ARGS)

# A process a core, but not so many that importing torch in each takes longer than it saves.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist worksteal

test: .venv/installed-dev ## Run the quick tests
	$(BIN)/pytest $(PARALLEL)

test-all: .venv/installed-dev ## Run every test, the slow and the long ones too
	$(BIN)/pytest $(PARALLEL) $(or $(ARGS_PYTEST),-m "")

gpu: .venv/installed-dev ## Run the tests that need an NVIDIA GPU; they are skipped where there is none
	$(BIN)/pytest -m gpu

check: .venv/installed-dev ## Lint, check formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: .venv/installed-docs ## Build the documentation as pages, in build/docs/html
	PYTHONPATH=src:docs/site $(BIN)/python -m docsite

bench: .venv/installed-bench ## Measure tl-run against what people use instead: make bench ARGS_BENCH="--rows head64 --rounds 9"
	PYTHONPATH=benchmarks $(BIN)/python -m bench $(ARGS_BENCH)

clean: ## Remove what was built and cached; runs/ and .venv stay
	rm -rf build dist src/*.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests configs benchmarks docs -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "tl-run: expected Python 3.11 or newer as $(PYTHON), found $$($(PYTHON) -V 2>&1); try make run PYTHON=python3.12"; exit 2; }
	$(PYTHON) -m venv .venv

# The stamps are older than pyproject.toml when it changes, and so renew the installation.
.venv/installed: pyproject.toml | .venv/bin/python
	@echo "Installing tl-run and PyTorch into .venv: some gigabytes once, so some minutes."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/installed-dev: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/installed

.venv/installed-bench: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@ .venv/installed

.venv/installed-docs: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@ .venv/installed
