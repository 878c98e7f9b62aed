# make demo   set up, then serve a real model on two local nodes and swap it under traffic
# make test   set up, then run every test
# make lint   ruff and mypy
# make lock   lock the dependencies anew
.PHONY: demo test lint setup system-packages lock reference bench clean
.DEFAULT_GOAL := help

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.13 python3,$(shell command -v $(name) 2>/dev/null)))
BIN := .venv/bin
UV := VIRTUAL_ENV=$(CURDIR)/.venv $(BIN)/uv

help:
	@sed -n 's/^# //p' Makefile

setup: .venv/.complete

.venv/.complete: requirements-dev.lock pyproject.toml
	@echo "setup: making .venv with $(PYTHON) (must be 3.11 or later)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed: make PYTHON=/path/to/python3.11" if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "setup: installing the locked requirements"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[^ ]+' requirements-dev.lock)"
	@$(UV) pip sync --quiet --require-hashes requirements-dev.lock
	@$(UV) pip install --quiet --no-deps --editable .
	@touch $@
	@echo "setup: done, the command is $(BIN)/garnet"

system-packages:
	@./.ci/system-packages

demo: setup
	@GARNET_CACHE=$(CURDIR)/.cache $(BIN)/garnet demo $(DEMO)

test: setup system-packages
	@echo "test: fleets with real loaders and sshd, then units (about 20 minutes on two cores)"
	@# In the order of the folders: the long fleet tests begin early, and none is left for the end.
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lock:
	$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" node_scripts/requirements.in -o node_scripts/requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" pyproject.toml --group dev --group node -o requirements-dev.lock
	$(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --custom-compile-command "make lock" --constraint requirements-dev.lock pyproject.toml --group build -o garnet_cli/requirements.lock

reference: setup
	$(BIN)/python -m garnet_cli.cli.reference > docs/cli.md
	$(BIN)/python -m garnet_cli.fleet.inventory_reference docs > docs/inventory.md
	$(BIN)/python -m garnet_cli.fleet.inventory_reference example > inventory.example.toml

bench: setup
	@for name in help proxy swap status telemetry totals judge anomalies placement report; do GARNET_CACHE=$(CURDIR)/.cache $(BIN)/python -m benchmarks.$$name || exit 1; done

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache
