# `make` alone lists everything. Each target sets up what it needs.
SHELL := /bin/bash
PYTHON ?= python3
PY := .venv/bin/python
RUN := .venv/bin/
# Suites that run at once, on two cores. Most of the time of a test that kills, restarts and bakes is waiting.
AT_ONCE ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup check format test test-long test-all demo demo-stop bench docs clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: .venv/.done ## the virtual environment, from the lock file

.venv/.done: pyproject.toml uv.lock scripts/bootstrap.py
	@set -e; uv="$$($(PYTHON) scripts/bootstrap.py)"; \
	UV_PYTHON_DOWNLOADS=never "$$uv" sync --quiet --frozen --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch .venv/.done

check: setup ## format, types, layers, sizes and the fast tests
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)lint-imports
	$(PY) scripts/check_sizes.py
	$(RUN)pytest -n 2 tests/unit tests/docs

format: setup ## put the code in its standard form
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

test: setup ## the tests: real PostgreSQL, real Caddy, real applications, real kills
	$(RUN)pytest -m "not long" -n $(AT_ONCE) --dist loadfile $(if $(CHECKED),--ignore tests/unit --ignore tests/docs)

test-long: setup ## the tests that take minutes: the whole demo, hundreds of kills at random
	$(RUN)pytest -m long -n $(AT_ONCE) --dist loadfile --no-loadscope-reorder

test-all: test test-long ## every test

demo: setup ## a real application through all six environments; leaves it running
	$(RUN)greenroom-demo start

demo-stop: setup ## end what `make demo` left running
	$(RUN)greenroom-demo stop

bench: setup ## ratios measured side by side, into bench-report.json
	$(PY) -m bench

docs: setup ## generate the reference pages
	$(PY) scripts/generate_docs.py

clean: demo-stop ## remove what the targets made
	rm -rf .demo .venv .tools demo-report.json bench-report.json
