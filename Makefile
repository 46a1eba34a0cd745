# `make demo` shows what madcore does on a photograph; `make test` is everything that is checked.
# Both build .venv on first use and need nothing but Python 3.11 or newer, pip and make.

PYTHON ?= python3
BIN := .venv/bin
PLUGINS := $(wildcard plugins/*)
PROJECTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)

.PHONY: demo test lint docs bench clean

.venv/ok: $(PROJECTS)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[images]' $(PLUGINS:%=-e ./%)
	touch $@

.venv/dev: .venv/ok
	$(BIN)/pip install --quiet -e '.[dev,images]' $(PLUGINS:%=-e ./%)
	touch $@

.venv/docs: .venv/dev
	$(BIN)/pip install --quiet -e '.[docs]'
	touch $@

demo: .venv/ok
	$(BIN)/madcore quartet ssim mse camera --crop 256x256+100+128 -o demo --overwrite

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile tests
	set -e; for plugin in $(PLUGINS); do OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $$plugin/tests; done

docs: .venv/docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: .venv/dev
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/metrics.py
	$(BIN)/python benchmarks/competition.py

clean:
	rm -rf .venv demo docs/_build
