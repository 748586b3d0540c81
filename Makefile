# make demo   sets up and re-creates ADMIRE-CD in virtual patients; the report is in runs/
# make test   sets up and runs all tests, and leaves build/tests.xml; make test-random draws new random cases
# make calibrate   fits the posterior roughly (homing calibrate --quick)
# Needs Python 3.11 or newer and nothing else; everything else comes from the lock files.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.PHONY: demo examples test test-random calibrate check docs bench lock clean

demo: $(VENV)/runtime.ready
	$(BIN)/homing run examples/admire-cd.yaml

examples: $(VENV)/runtime.ready
	for study in examples/*.yaml; do $(BIN)/homing run $$study || exit 1; done

test: $(VENV)/dev.ready
	$(BIN)/python -m pytest -n auto --junitxml=build/tests.xml

# Tests with random cases, on cases drawn anew; a failure prints how to see it again.
test-random: $(VENV)/dev.ready
	HOMING_TESTS=random HOMING_FUZZ=300 $(BIN)/python -m pytest -n auto $$(grep -rl hypothesis tests --include='test_*.py')

check: $(VENV)/dev.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/lint_house.py

calibrate: $(VENV)/dev.ready
	$(BIN)/homing calibrate --quick --quiet --out build/calibration

docs: $(VENV)/dev.ready
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(VENV)/dev.ready
	$(BIN)/python -m benchmarks.throughput

# Names no download host: pip's own settings say where packages come from.
lock: $(VENV)/dev.ready
	$(BIN)/uv pip compile pyproject.toml --extra build --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra build --extra dev --extra docs --universal --python-version 3.11 \
	  --generate-hashes --no-header --quiet --output-file requirements-dev.lock

clean:
	rm -rf $(VENV) docs/_build

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/runtime.ready: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/dev.ready: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements-dev.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@ $(VENV)/runtime.ready
