# Python 3.10 or 3.11; `make PYTHON=python3.11 ...` chooses one.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup demo test lint

setup: $(VENV)/.ready

# Made once, and again when the requirements change.
$(VENV)/.ready: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit((3, 10) > v[:2] or v[:2] > (3, 11))' || \
		{ echo "error: Python 3.10 or 3.11 is needed; name one, as in: make PYTHON=python3.11" >&2; exit 2; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

# Trains, scores and exports a small model on synthetic people, from nothing.
demo: setup runs/demo-records/dataset.json
	rm -rf runs/demo
	$(BIN)/python -m keras_apn.train --flagfile=demo.flags
	$(BIN)/python -m keras_apn.evaluate --workdir=runs/demo --baseline --json=runs/demo/scores.json --sheet=runs/demo/predictions.png
	$(BIN)/python -m export --workdir=runs/demo --output=runs/demo/exports
	@echo "Look at runs/demo/predictions.png; the scores are in runs/demo/scores.json."

runs/demo-records/dataset.json: | setup
	rm -rf runs/demo-records
	$(BIN)/python -m data_pipeline.build_tfrecords --dataset=synthetic --limit=2000 --patch_size=168 --output=runs/demo-records

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
