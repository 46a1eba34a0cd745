# `make demo` shows what madcore does on photographs; `make test` is everything that is checked.
# Both build .venv on first use and need nothing but Python 3.11 or newer, pip and make.

PYTHON ?= python3
BIN := .venv/bin
PLUGINS := $(wildcard plugins/*)
# what these depend on is large, and the demonstration does without
LARGE := $(addprefix plugins/madcore-,cvvdp ray submitit tensorboard)
SMALL := $(filter-out $(LARGE),$(PLUGINS))
PROJECTS := pyproject.toml $(PLUGINS:%=%/pyproject.toml)
export OMP_NUM_THREADS ?= 1

.PHONY: demo test browser-test lint docs bench clean

.venv/ok: $(PROJECTS)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -e '.[fast,images,plot,report]' $(SMALL:%=-e ./%)
	touch $@

.venv/dev: .venv/ok
	$(BIN)/pip install --quiet -e '.[dev,fast,images,plot,report]' $(PLUGINS:%=-e ./%)
	touch $@

.venv/browser: .venv/dev
	$(BIN)/pip install --quiet -e '.[browser]'
	touch $@

.venv/bench: .venv/dev
	$(BIN)/pip install --quiet -e '.[bench]'
	touch $@

.venv/docs: .venv/dev
	$(BIN)/pip install --quiet -e '.[docs]'
	touch $@

demo: .venv/ok
	$(BIN)/madcore quartet ssim mse camera --crop 256x256+100+128 -o demo/quartet --overwrite
	$(BIN)/madcore tournament docs/demo.toml -o demo/tournament
	$(BIN)/madcore report demo/tournament -o demo/report.html

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile tests
	set -e; for plugin in $(PLUGINS); do (cd $$plugin && ../../$(BIN)/python -m pytest -n 2 --dist loadfile tests); done

browser-test: .venv/browser
	$(BIN)/python -m pytest -m browser tests

docs: .venv/docs
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

bench: .venv/bench
	$(BIN)/python benchmarks/table.py

clean:
	rm -rf .venv demo docs/_build
