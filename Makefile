# Two commands do everything: `make quickstart` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: quickstart install demo check test sanitize bench docs clean

quickstart: install demo  ## create .venv, install, run the main job on embedded data

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt CMakeLists.txt native/CMakeLists.txt $(wildcard native/include/* native/src/*/*)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	touch $@

demo: install
	$(BIN)/seqmap demo

check: install  ## lint, types, import contracts
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check sanitize  ## checks, C++ tests under sanitizers, then the whole test suite
	$(BIN)/python -m pytest

sanitize: install  ## the C++ tests under ASan and UBSan, on every path of this machine
	PATH="$(CURDIR)/$(BIN):$$PATH" sh native/run_sanitizers.sh

docs: install  ## the site, into build/site; a broken link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache
