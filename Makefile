PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check fast clean

# Everything a fresh machine needs: python3 (3.10 or newer) with venv and pip.
.venv/ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	touch $@

demo: .venv/ready
	$(BIN)/python -m picsellia_ingest demo

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/ready
	$(BIN)/pytest

fast: .venv/ready
	$(BIN)/pytest -m 'not slow'

clean:
	rm -rf .venv build *.egg-info
