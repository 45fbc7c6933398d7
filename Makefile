# Python 3.10 to 3.13; `make PYTHON=python3.12 ...` chooses one. Its lane of requirements.txt is installed into .venv.
PYTHON ?= python3
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(VERSION)

.PHONY: setup demo test test-all test-lanes torch mediapipe lint

setup: $(READY)

# Made once, and again when the requirements or the Python change.
$(READY): requirements.txt
	$(if $(filter $(VERSION),3.10 3.11 3.12 3.13),,$(error $(PYTHON) \
		$(if $(VERSION),is Python $(VERSION),cannot be run); Python 3.10 to 3.13 is needed, as in: make setup PYTHON=python3.12))
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
	$(BIN)/python -m export.verify --workdir=runs/demo --exports=runs/demo/exports
	@echo "Look at runs/demo/predictions.png; the scores are in runs/demo/scores.json."

runs/demo-records/dataset.json: | setup
	rm -rf runs/demo-records
	$(BIN)/python -m data_pipeline.build_tfrecords --dataset=synthetic --limit=2000 --patch_size=168 --output=runs/demo-records

# All but the slow tests, as many at once as there are processors. `make test TESTS=tests/adversarial/test_labels.py`
# runs some, slow ones too.
test: setup
	$(BIN)/python -m pytest $(if $(TESTS),$(TESTS),-m "not slow" -n auto --dist=loadfile)

# One after the other, as two lanes that are tested at once have one processor each. MARKED chooses, as pytest's -m.
test-all: setup
	$(BIN)/python -m pytest $(if $(MARKED),-m '$(MARKED)')

# PyTorch and MediaPipe, each in an environment of its own, for the comparisons with them; tests and benchmarks find them
# there.
torch mediapipe: %: .venv-%/.ready

.venv-%/.ready: requirements-%.txt
	rm -rf .venv-$*
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-$*.txt
	touch $@

# Both lanes, each in a virtual environment of its own, where a Python of each is present.
test-lanes:
	@.ci/test-lanes

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
