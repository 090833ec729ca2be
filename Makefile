# Everything a new machine needs: Python 3.11 to 3.13, make and pip. Both targets make .venv where it is missing.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
DEMO := demo

.PHONY: demo test test-slow check lint clean
.DEFAULT_GOAL := test

# torch comes first: bitsandbytes and accelerate would otherwise be resolved against the newest build.
$(VENV)/installed: pyproject.toml constraints.txt
	@test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(RUN)/python -m pip install --quiet --constraint constraints.txt torch
	$(RUN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

demo: $(VENV)/installed
	$(RUN)/ladderscope profile studies/demo/grid.yaml --out $(DEMO)/runs.jsonl
	$(RUN)/ladderscope fit-scaling $(DEMO)/runs.jsonl --x compute --y loss --out $(DEMO)/fit.json
	$(RUN)/ladderscope report $(DEMO)/runs.jsonl --out $(DEMO)/report

test: lint check
	$(RUN)/python -m pytest --numprocesses 2 --dist worksteal -m "not slow"

# The project's own memory, predicted for a GPU, against the baseline that was reviewed last.
check: $(VENV)/installed
	$(RUN)/ladderscope check

# Longer runs of what `test` samples: more models under the trace, searches to their end, more kills.
test-slow: $(VENV)/installed
	$(RUN)/python -m pytest --numprocesses 2 --dist worksteal -m slow

lint: $(VENV)/installed
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy

clean:
	rm -rf $(VENV) $(DEMO)
