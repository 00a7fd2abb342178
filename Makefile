# Everything a newcomer or CI runs. Each target sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# With more OpenMP threads than cores, libgomp's default of spinning while it waits slows everything down.
export GOMP_SPINCOUNT ?= 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test test-lowest check format docs notebooks screenshots compatibility methods benchmarks clean

help:
	@echo "make demo        train, explain and mend a few-shot classifier; writes setfit-explain-demo.html"
	@echo "make test        every test"
	@echo "make test-lowest every test but the documents, on the oldest supported versions"
	@echo "make check       format, lint, types, import contracts"
	@echo "make format      rewrite the code in the project's format"
	@echo "make docs        build the documentation site: build/docs/index.html"
	@echo "make notebooks   execute the notebooks in place"
	@echo "make compatibility measure every head and body again; writes docs/compatibility.md"
	@echo "make methods       measure every method beside its oracle; writes the tables of docs/methods.md"
	@echo "make benchmarks  measure speed, error and memory, beside other tools; writes benchmarks/results (hours)"
	@echo "                 DATA=folder of data sets, else the demo's texts; OPTIONS=--quick for a small run"
	@echo "make screenshots draw report, notebook and terminal again; writes docs/screenshots"

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	# torch first and exactly: a range would fetch the newest build with several GB of CUDA packages.
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[check,docs,test]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/setfit-explain demo

# Chromium, installed with apt-get where it is missing and that is possible, and two npm packages.
BROWSER := tests/browser/node_modules/installed
$(BROWSER): $(VENV)/installed tests/browser/set-up tests/browser/package-lock.json
	PATH=$(CURDIR)/$(BIN):$$PATH tests/browser/set-up
	touch $@

test: $(VENV)/installed $(BROWSER)
	# One thread a process: two processes with two threads each slow one another down many times.
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

.venv-lowest/installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/pip install --quiet --constraint constraints-lowest.txt torch
	.venv-lowest/bin/pip install --quiet --constraint constraints-lowest.txt --editable '.[test]'
	touch $@

test-lowest: .venv-lowest/installed $(BROWSER)
	# Old libraries warn of one another; that is theirs.
	OMP_NUM_THREADS=1 .venv-lowest/bin/python -m pytest --numprocesses 2 --dist worksteal \
		--override-ini filterwarnings=default --ignore tests/test_documents.py --ignore tests/test_site.py tests

check: $(VENV)/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/installed
	$(BIN)/python -m sphinx --fail-on-warning --quiet -b html docs build/docs

notebooks: $(VENV)/installed
	$(BIN)/python -m tests.notebooks

compatibility: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.compatibility

methods: $(VENV)/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.methods

benchmarks: $(VENV)/installed
	for name in startup memory speed parts captum growth error quadrature peers faithfulness settings studies; do \
		OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.$$name $(if $(DATA),--data $(DATA)) $(OPTIONS) || exit 1; \
	done

screenshots: $(VENV)/installed $(BROWSER)
	OMP_NUM_THREADS=1 $(BIN)/python -m tools.screenshots docs/screenshots

clean:
	rm -rf $(VENV) tests/browser/node_modules .venv-lowest build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
