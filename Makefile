# forkeval: `make demo` shows the main job, `make test` checks everything that needs no GPU.
# Both set up what is missing, skip what is done, and can be repeated.

SHELL := /bin/bash
# dockerd and debootstrap lie where the PATH of `su` without a dash does not look.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
VENV := .venv
PY := $(VENV)/bin/python
FORKEVAL := $(VENV)/bin/forkeval

.PHONY: help demo test test-full lint python docker images images-quickstart browser docs clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

demo: images-quickstart ## set everything up and run the main job on embedded defaults
	$(FORKEVAL) run quickstart

test: lint ## set everything up; lint, types and every test that needs no GPU
	@tools/test.sh $(PYTEST_ARGS)

test-full: images browser ## the long checks (hours); resumable, results are written as data
	$(PY) -m tests.full.published
	$(PY) -m tests.full.agreement
	$(PY) -m tests.full.ways
	$(FORKEVAL) data weak
	$(PY) -m pytest -p tests.full.resume -m "full and not gpu" $(PYTEST_ARGS)
	$(PY) -m sandboxes.bench

lint: python ## ruff (lint and format) and mypy --strict
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

python: ## the Python environment in .venv
	@tools/setup.sh python

docker: ## a Docker engine that answers
	@tools/setup.sh docker

browser: ## Chromium, for the test of the report page
	@tools/setup.sh browser

images: python docker ## the sandbox images of all languages
	$(FORKEVAL) images build

images-quickstart: python docker ## those that the bundled benchmark needs
	$(FORKEVAL) images build python java javascript

docs: python ## the generated pages: command line, hostile programs, verdicts, checks, attention, engine
	$(PY) tools/cli_docs.py >docs/cli.md
	$(PY) tools/hostile_docs.py >docs/hostile.md
	$(PY) tools/languages_docs.py >docs/languages.md
	$(PY) tools/long_checks_docs.py >docs/long_checks.md
	$(PY) tools/weak_tests_docs.py >docs/weak_tests.md
	$(PY) tools/attention_docs.py >docs/attention.md
	$(PY) tools/report_docs.py >docs/report.md
	$(PY) tools/engine_docs.py >docs/engine.md
	$(PY) tools/engine_figures.py docs/engine

clean: ## remove the environment and build state (never a run directory)
	rm -rf $(VENV) .build .mypy_cache .ruff_cache .pytest_cache
