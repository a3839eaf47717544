# Two commands on a fresh machine: make demo, make test.
PYTHON ?= python3
DATA ?= data
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test check format bench models docs package clean

demo: .venv/installed-train ## install, then the whole road on built-in data
	$(BIN)/carvanamask demo

test: check ## install, then everything that can be checked
	$(BIN)/python -m pytest

check: .venv/installed-dev ## style, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/installed-train
	@for name in comparison files training_step; do echo "== $$name"; $(BIN)/python benchmarks/speed/$$name.py; done

models: .venv/installed-train,studio ## the built-in models anew, from Kaggle's folder in DATA
	$(BIN)/python benchmarks/experiments/gather_photographs.py --out runs/photographs
	$(BIN)/carvanamask studio render --out runs/synthetic --cars 12 --size 640x428 --samples 8 --seed 2017
	TRAINING='--set augment.background_folder=runs/photographs --set split.extra_folders=["runs/synthetic"]' \
		PATH="$(CURDIR)/$(BIN):$$PATH" DATA="$(DATA)" OUT=src/carvanamask/weights bash recipes/built-in.sh

docs: .venv/installed-docs ## the documents as a site in build/site; broken links are errors
	$(BIN)/mkdocs build

package: .venv/installed-dev ## wheel and sdist, each installed in a fresh environment, where it predicts offline
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(PYTHON) benchmarks/soak/packages.py --dist dist --constraints constraints.txt --python $(PYTHON)

docs/options.md: src/carvanamask/training/config.py .venv/installed-dev
	$(BIN)/carvanamask options --markdown > $@

.venv/installed-%: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) -e '.[$*]'
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
