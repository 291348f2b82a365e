# Everything that a developer runs. `make demo` and `make test` need only Python 3.11 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# Tests share what JAX compiles, and so do the projects that they generate.
export JAX_COMPILATION_CACHE_DIR ?= $(CURDIR)/.cache/jax
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS ?= 0
# The tests start many Pythons, which would compile the same modules again and again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint types quick slow exhaustive golden reference names verify test-versions bench bench-templates bench-training bench-algorithms bench-scaling clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[jax,dev]'
	@touch $@

demo: $(VENV)/.installed  ## generate two projects, one of a table, and train them on real data, to the end
	rm -rf $(DEMO)
	$(BIN)/kscaffold new $(DEMO)/my-model --defaults --no-git
	cd $(DEMO)/my-model && PYTHONPATH=src ../../$(BIN)/python -m my_model train --verbose 2
	$(BIN)/kscaffold new $(DEMO)/penguins --defaults --no-git --data csv --data-path data/penguins.csv --target species
	cd $(DEMO)/penguins && PYTHONPATH=src ../../$(BIN)/python -m penguins train --verbose 2

test: lint types quick slow  ## run lint, types, and the tests that every change should pass

lint: $(VENV)/.installed  ## check style, formatting and the direction of imports
	$(BIN)/ruff check generator tests bench
	$(BIN)/black --quiet --check generator tests bench
	$(BIN)/lint-imports

types: $(VENV)/.installed  ## check types
	$(BIN)/mypy

quick: $(VENV)/.installed  ## run the tests that are quick
	$(BIN)/python -m pytest -m 'not slow and not exhaustive' -n auto --dist worksteal

slow: $(VENV)/.installed  ## run the tests that train projects or start many processes
	$(BIN)/python -m pytest -m 'slow and not exhaustive' -n auto --dist worksteal

exhaustive: $(VENV)/.installed  ## train every combination in every way, and kill many runs, before a release
	KILLS=10 $(BIN)/python -m pytest -m exhaustive -n auto --dist worksteal

golden: $(VENV)/.installed  ## write the golden trees anew after a change of the templates
	$(BIN)/python -m tests.generated.golden_trees

reference: $(VENV)/.installed  ## write the tables of a manifest's keys in docs/templates.md
	$(BIN)/python -m tests.template.manifest_reference

names: $(VENV)/.installed  ## find the names that no package may have, after a change of dependencies
	$(BIN)/python -m tests.project.taken_names

verify: $(VENV)/.installed  ## hold every trainer against the whole fit() contract, and random models; write docs/fit-contract.md
	$(BIN)/python -m tests.verify.fit_contract
	VERIFY_EXAMPLES=200 $(BIN)/python -m pytest -q tests/verify/test_random.py

test-versions: $(VENV)/.installed  ## run the contract and projects' own tests with the oldest Keras and JAX, to keras-nightly
	$(BIN)/python -m tests.generated.versions $(PYTHONS) $(if $(ONLY),--only $(ONLY))

bench: $(VENV)/.installed  ## compare the cost of scaffolding with other tools
	$(BIN)/python bench/scaffold.py

bench-templates: $(VENV)/.installed  ## measure what an overlay and a template of 1,000 files cost
	$(BIN)/python bench/templates.py

bench-training: $(VENV)/.installed  ## compare training with stock fit() and pure JAX; write docs/performance.md
	$(BIN)/python bench/training.py

bench-algorithms: $(VENV)/.installed  ## train the algorithms of docs/gallery.md, print what they give, draw their pictures
	$(BIN)/python bench/algorithms.py

bench-scaling: $(VENV)/.installed  ## measure distributed projects on virtual devices; write docs/scaling.md
	$(BIN)/python bench/scaling.py

clean:  ## remove what the other targets have made
	rm -rf $(VENV) .venvs $(DEMO) .cache dist
