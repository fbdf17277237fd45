PYTHON ?= python3
BIN := .venv/bin

# Where it is set, each of the hundreds of processes that tests start would compile this package anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check fast docs bench clean

# Everything a fresh machine needs: python3 (3.10 or newer) with venv and pip. Of all that is installed a tenth is
# imported: it is compiled then, not all of it now.
.venv/ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-compile --editable '.[test,lint]'
	touch $@

UPLOAD := $(BIN)/picsellia-ingest upload --host local:demo-output/platform

# Run it twice: the second time everything is there already.
demo: .venv/ready
	$(UPLOAD) --name crates --imgdir fixtures/COCO/demo/images --ann-path fixtures/COCO/demo/instances.json
	$(UPLOAD) --name quays --imgdir fixtures/PASCAL-VOC/demo/JPEGImages --ann-path fixtures/PASCAL-VOC/demo
	$(UPLOAD) --name piers --imgdir fixtures/PICSELLIA/demo/images --ann-path fixtures/PICSELLIA/demo/annotations.json
	@echo
	@echo "The platform's data is in demo-output/platform. To look at it in a browser, run"
	@echo "    $(BIN)/picsellia-ingest serve --root demo-output/platform"

check: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: .venv/ready
	$(BIN)/pytest -n 3 --dist worksteal

fast: .venv/ready
	$(BIN)/pytest -n 3 --dist worksteal -m 'not slow'

docs: .venv/ready
	$(BIN)/python docs/make_api.py
	$(BIN)/python docs/make_formats.py

bench: .venv/ready
	$(BIN)/python -m benchmarks.starting
	$(BIN)/python -m benchmarks.parsing
	$(BIN)/python -m benchmarks.formats
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.uploading
	$(BIN)/python -m benchmarks.scale

clean:
	rm -rf .venv build *.egg-info
