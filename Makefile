# Each target works as the first command after a clone: what it needs is installed into .venv, once.
PYTHON ?= python3
BIN := .venv/bin
RECEIPTS ?= ../shared/data/receipts

.PHONY: demo test lint types bench docs clean

demo: .venv/installed
	$(BIN)/python examples/demo.py

test: .venv/installed-dev
	$(BIN)/python -m pytest

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

bench: .venv/installed-dev
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/pdf_memory.py
	@if [ -d $(RECEIPTS) ]; then $(BIN)/python benchmarks/local_ocr.py $(RECEIPTS); \
	else echo "local_ocr.py is left out: no receipts in $(RECEIPTS) (RECEIPTS=... names another folder)"; fi

docs: .venv/installed-dev
	$(BIN)/python -m pytest tests/docs

clean:
	rm -rf .venv demo-output dist

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --group test --group lint
	touch $@
