# Each target works as the first command after a clone: what it needs is installed into .venv, once.
PYTHON ?= python3
# For the second environment: the newest that pyenv has, if any.
NEWEST ?= $(lastword $(PYTHON) $(sort $(wildcard $(HOME)/.pyenv/versions/3.1[3-9].*/bin/python3)))
BIN := .venv/bin
# Compiled files are kept, or each program that a test starts would compile all packages anew.
export PYTHONDONTWRITEBYTECODE :=
# A file's tests stay together, for what they share.
SIDE_BY_SIDE := -n 2 --dist loadfile
RECEIPTS ?= ../shared/data/receipts
DOCUMENTS ?= ../shared/data

.PHONY: demo test test-slow test-data test-browser test-openai2 test-docling fuzz lint types bench bench-evidence bench-tables bench-olmocr bench-chunks bench-review docs clean

demo: .venv/installed
	$(BIN)/python examples/demo.py

test: .venv/installed-dev
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "not data and not slow and not browser"

# Those whose subject is size: huge pictures, crowded pages, many documents. Smaller siblings are in `make test`.
# And what holds of any input, for more inputs.
test-slow: .venv/installed-dev
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "slow and not data and not browser" tests
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) --hypothesis-profile deep tests/property

# The tests over real documents, which stand beside the repository where they are to be had.
test-data: .venv/installed-dev
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "data and not browser" tests

# In a real browser, Debian's package chromium: the tests skip where there is none. And the notebooks.
test-browser: .venv/installed-browser
	$(BIN)/python -m pytest $(SIDE_BY_SIDE) -m "browser and not slow" tests/browser

# What speaks to providers, once more over openai 2, which sits on another HTTP library.
WIRE_SECURITY := $(addprefix tests/security/test_,assistant.py download.py hostile_answers.py netguard.py secrets.py urls_in_messages.py)
WIRE_TESTS := tests/unit/wire tests/unit/flow tests/unit/testing tests/unit/test_client.py tests/contract tests/property $(WIRE_SECURITY) tests/faults

test-openai2: .venv-openai2/installed
	.venv-openai2/bin/python -m pytest $(SIDE_BY_SIDE) -m "not slow" $(WIRE_TESTS)

# What becomes a DoclingDocument, where docling-core and its chunkers are.
test-docling: .venv-docling/installed
	.venv-docling/bin/python -m pytest tests/unit/structure/test_docling_document.py

# 100,000 changed inputs against all that meets a stranger's bytes: about five minutes of one core.
fuzz: .venv/installed-dev
	$(BIN)/python tests/fuzz/fuzz.py

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/installed-dev
	$(BIN)/mypy

bench: .venv/installed-dev .venv-openai2/installed
	$(BIN)/python benchmarks/import_time.py
	$(BIN)/python benchmarks/pdf_memory.py
	$(BIN)/python benchmarks/chat_overhead.py
	$(BIN)/python benchmarks/chat_model_overhead.py
	.venv-openai2/bin/python benchmarks/llamaindex_overhead.py
	$(BIN)/python benchmarks/image_fit.py
	$(BIN)/python benchmarks/decode_apart.py
	.venv-openai2/bin/python benchmarks/ledger.py
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/event_loop.py
	$(BIN)/python benchmarks/line_order.py
	@if command -v chromium >/dev/null; then $(MAKE) bench-review; \
	else echo "review_page.py is left out: no Chromium"; fi
	@if [ -d $(RECEIPTS) ]; then $(BIN)/python benchmarks/local_ocr.py $(RECEIPTS) && \
	$(BIN)/python benchmarks/find_text.py $(RECEIPTS); \
	else echo "local_ocr.py and find_text.py are left out: no receipts in $(RECEIPTS) (RECEIPTS=... names another folder)"; fi
	@if [ -d $(DOCUMENTS) ]; then $(BIN)/python benchmarks/reading_order.py $(DOCUMENTS) && \
	$(BIN)/python benchmarks/structure.py $(DOCUMENTS); \
	else echo "reading_order.py and structure.py are left out: no documents in $(DOCUMENTS) (DOCUMENTS=... names another folder)"; fi
	@if [ -d $(DOCUMENTS)/scripts ]; then $(BIN)/python benchmarks/scripts.py $(DOCUMENTS)/scripts; \
	else echo "scripts.py is left out: no pages in $(DOCUMENTS)/scripts (DOCUMENTS=... names another folder)"; fi
	@if [ -d $(DOCUMENTS) ]; then $(MAKE) bench-evidence; \
	else echo "evidence.py is left out: no documents in $(DOCUMENTS) (DOCUMENTS=... names another folder)"; fi
	@if [ -d $(DOCUMENTS)/tables ]; then $(MAKE) bench-tables; \
	else echo "tables.py is left out: no tables in $(DOCUMENTS) (DOCUMENTS=... names another folder)"; fi
	@if [ -d $(DOCUMENTS)/layout/olmocr-bench ]; then $(MAKE) bench-olmocr; \
	else echo "olmocr_bench.py is left out: no documents in $(DOCUMENTS) (DOCUMENTS=... names another folder)"; fi
	@if [ -d $(DOCUMENTS) ]; then $(MAKE) bench-chunks; \
	else echo "chunks.py is left out: no documents in $(DOCUMENTS) (DOCUMENTS=... names another folder)"; fi

# What the local engine has read is kept, with its matrices.
bench-evidence: .venv/installed-dev
	$(BIN)/python benchmarks/evidence.py $(DOCUMENTS) --cache .evidence-cache

bench-review: .venv/installed-browser
	$(BIN)/python benchmarks/review_page.py

# The other libraries and the TEDS metric have an environment of their own.
bench-tables: .venv/installed-dev .venv-tables/installed
	$(BIN)/python benchmarks/tables.py $(DOCUMENTS) --peers .venv-tables/bin/python

# The tests of olmOCR-bench have an environment of their own.
bench-olmocr: .venv/installed-dev .venv-olmocr/installed
	$(BIN)/python benchmarks/olmocr_bench.py $(DOCUMENTS)/layout/olmocr-bench --olmocr .venv-olmocr/bin/python

# The search and the other splitters have an environment of their own.
bench-chunks: .venv-chunks/installed
	.venv-chunks/bin/python benchmarks/chunks.py $(DOCUMENTS)

docs: .venv/installed-dev
	$(BIN)/python -m pytest tests/docs

clean:
	rm -rf .venv .venv-openai2 .venv-tables .venv-chunks .venv-docling .venv-olmocr demo-output dist

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[all]'
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/python -m pip install --quiet --group test --group lint
	touch $@

.venv/installed-browser: .venv/installed-dev
	$(BIN)/python -m pip install --quiet --group browser
	touch $@

.venv-openai2/installed: pyproject.toml
	$(NEWEST) -m venv .venv-openai2
	.venv-openai2/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-openai2/bin/python -m pip install --quiet --editable '.[heif,langchain,llamaindex]' --group wire --group peers 'openai<3'
	touch $@

.venv-docling/installed: pyproject.toml
	$(PYTHON) -m venv .venv-docling
	.venv-docling/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-docling/bin/python -m pip install --quiet --editable '.[local,docling]' --group wire 'docling-core[chunking]'
	touch $@

.venv-tables/installed:
	$(PYTHON) -m venv .venv-tables
	.venv-tables/bin/python -m pip install --quiet img2table pdfplumber camelot-py docling-metrics-table
	touch $@

.venv-olmocr/installed:
	$(PYTHON) -m venv .venv-olmocr
	.venv-olmocr/bin/python -m pip install --quiet --no-deps olmocr
	.venv-olmocr/bin/python -m pip install --quiet numpy beautifulsoup4 fuzzysearch rapidfuzz tqdm playwright
	touch $@

.venv-chunks/installed: pyproject.toml
	$(PYTHON) -m venv .venv-chunks
	.venv-chunks/bin/python -m pip install --quiet --editable '.[local,llamaindex]' bm25s langchain-text-splitters
	touch $@
