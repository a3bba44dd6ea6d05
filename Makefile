# `make demo` and `make test` are all a fresh machine needs; each makes .venv first.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2

.PHONY: demo test test-python lint bench clean

.venv: .venv/ready
.venv/ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[all,dev]"
	touch $@

demo: .venv/ready
	$(BIN)/mnas search configs/demo.toml
	$(BIN)/mnas report runs/demo
	$(BIN)/mnas export runs/demo --trial best --minutes 0.6 -o runs/demo-model

test: lint test-python

# Of tests/apps alone, whose reader of shipped files wants its own versions of packages.
.venv-mediapipe/ready: tests/apps/requirements.txt
	$(PYTHON) -m venv .venv-mediapipe
	.venv-mediapipe/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/apps/requirements.txt
	touch $@

test-python: .venv/ready
	-$(MAKE) --no-print-directory .venv-mediapipe/ready
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/ready
	for script in bench/*.py; do $(BIN)/python $$script || exit 1; done

clean:
	rm -rf .venv .venv-mediapipe build dist *.egg-info
