# The targets that people and CI use. `make demo` and `make test` work on a fresh machine.
#
#   make demo    environment, dependencies, real data, the whole way; prints the page's address
#   make test    environment, dependencies, checks, and the test suite
#   make check   format, lint, types, import direction, docstrings
#   make prove   long proofs (kill matrices on the demo, …); results go to bench/results/
#   make bench   side-by-side timings against peers, on the documents of a finished demo
#   make clean   remove the environment and build products (runs/ and the cache stay)
#
# On Linux x86-64 the plain torch wheel carries CUDA. To get the CPU build instead, put the wheel
# index that the PyTorch site names for "CPU" into PIP_EXTRA_INDEX_URL.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test check suite prove bench clean

demo: $(VENV)/.demo
	$(BIN)/mapneo run recipes/tiny.toml

test: check suite

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

suite: $(VENV)/.dev
	@sh scripts/browser.sh
	$(BIN)/python -m pytest

prove: $(VENV)/.dev
	$(BIN)/python -m bench.prove

bench: $(VENV)/.bench
	$(BIN)/python -m bench.run

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "mapneo needs Python 3.11 or newer; run: make PYTHON=python3.12 demo"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) -e '.[eval]'
	@touch $@

$(VENV)/.dev: $(VENV)/.demo
	$(PIP) -e '.[dev]'
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	$(PIP) -e '.[bench]'
	@touch $@
