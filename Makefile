PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# durable-rules overwrites CFLAGS, so its C part is optimised, and on Python 3.13 linked, through CC.
RULES_CC := gcc -O2 -DPyEval_CallObject=PyObject_CallObject

TEST_WORKERS ?= 3

.PHONY: help setup demo test tests lint bench clean

help: ## list the tasks
	@grep -E '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 12

$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	CC="$(RULES_CC)" $(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

setup: $(VENV)/.installed ## create .venv with the pinned dependencies

demo: setup ## a synthetic utility from files to cases; serves the API until Ctrl-C (SERVE=0: do not)
	$(BIN)/tarazu demo

lint: setup ## ruff, mypy, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup ## lint, types, import contracts and all tests (TEST_EFFORT=20: those that draw or kill, so much longer)
	@# Side by side: many tests wait for a process to start or to die.
	$(MAKE) --no-print-directory --jobs=2 lint tests

tests: setup
	$(BIN)/pytest -n $(TEST_WORKERS) -q

bench: setup ## measure against the anchors (ONLY=name for some, JSON=1 for machines, FULL=1 for all sizes)
	$(BIN)/python -m benchmarks

clean: ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
