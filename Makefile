# make demo: a trait passes from a teacher to a student through numbers, measured, in a leaderboard table.
# make test: the tests. Both make the environment first.
PYTHON ?= python3
VENV ?= .venv
# Override with TORCH=torch on a machine with a GPU: the newest build of the registry, several GB of CUDA packages.
TORCH ?= $(shell grep '^torch' constraints.txt)
BIN := $(VENV)/bin
export HF_HUB_OFFLINE ?= 1

.PHONY: demo site test slow lint types bench clean install

demo: install
	$(BIN)/traitbench lab run --trait owl --out lab/owl --leaderboard lab/leaderboard
	$(BIN)/traitbench leaderboard table --dir lab/leaderboard

# The pages of the leaderboard's records; site/index.html opens without a server.
site: install
	$(BIN)/traitbench leaderboard build --out site
	$(BIN)/python benchmarks/leaderboard_shots.py site

test: install
	$(BIN)/pytest -n 2 --dist loadfile

slow: install
	$(BIN)/pytest -m slow

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python benchmarks/lab.py
	$(BIN)/pip install --quiet --editable '.[bench]'
	cd benchmarks && for script in closed one_word free_form memory lora; do ../$(BIN)/python $$script.py || exit; done

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(TORCH)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) lab site logs build dist
