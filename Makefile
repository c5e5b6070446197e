# make demo: set up, simulate, run the default bake-off, say where the report is.  make test: set up, pass all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
RESULTS ?= results
GPU_VENV ?= .venv-gpu
PROFILE ?= profiles/slurm
CORES ?= $(shell $(PYTHON) -c "import os; print(len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count())")

.PHONY: setup kernel demo test told one-by-one lint unit browser fuzz workflow cluster studies doctor gpu-libraries watch format lock docs clean
.DELETE_ON_ERROR:

setup: $(READY)

# skybake.pth lets notebooks in any folder import this checkout, where no other is on the path: it is asked last.
# Bytecode is compiled here: importing the frameworks without it costs three times as long in every job.
$(READY): requirements/dev.lock requirements/uv.lock
	@$(PYTHON) -c "import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else 'skybake needs Python 3.11 to 3.13, found ' + sys.version.split()[0] + '. Hint: make setup PYTHON=python3.11')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
	VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements/dev.lock requirements/uv.lock
	@$(BIN)/python envs/importable.py
	@touch $@

# Offer this environment to the user's Jupyter, under the name skybake.
kernel: setup
	$(BIN)/python -m ipykernel install --user --name skybake --display-name skybake

demo: setup
	@$(BIN)/snakemake --profile profiles/local --cores $(CORES) --quiet rules
	@echo "The report: $(CURDIR)/results/report.html"

# All parts, and a table of the minutes that each took. The cluster's jobs wait for one another much of the time, so its
# part, and that of the studies after it, runs beside those of one process for each core, and is told when it has ended.
BESIDE := unit browser fuzz workflow
TOLD := cluster studies
test: setup
	@rm -f $(VENV)/.minutes
	@$(MAKE) --no-print-directory timed-lint
	@$(MAKE) --no-print-directory -j2 told one-by-one
	@awk 'BEGIN { print "part      minutes" } { t = ($$3 - $$2) / 60; printf "%-9s %7.1f\n", $$1, t } \
	  NR == 1 { begun = $$2 } { end = $$3 } END { printf "%-9s %7.1f\n", "all", (end - begun) / 60 }' $(VENV)/.minutes

timed-%: setup
	@begun=$$(date +%s); $(MAKE) --no-print-directory $* && echo "$* $$begun $$(date +%s)" >> $(VENV)/.minutes

told: setup
	@(for part in $(TOLD); do $(MAKE) --no-print-directory timed-$$part || exit $$?; done) >$(VENV)/told.log 2>&1; \
	  code=$$?; cat $(VENV)/told.log; exit $$code

one-by-one: setup
	@for part in $(BESIDE); do $(MAKE) --no-print-directory timed-$$part || exit $$?; done

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/mypy
	$(BIN)/snakemake --lint
	$(BIN)/codespell

unit: setup
	$(BIN)/python -m pytest -n $(CORES) tests/unit

# Chromium and axe-core; as root on Debian they are installed where they are missing, elsewhere the part is skipped.
browser: setup
	$(BIN)/python -m pytest tests/browser

# Made-up inputs, the same ones each time; SKYBAKE_FUZZ=30 tries thirty times as many, and other ones each time.
fuzz: setup
	$(BIN)/python -m pytest tests/fuzz

workflow: setup
	$(BIN)/python -m pytest -n $(CORES) --dist loadfile tests/workflow

# A real SLURM cluster with two GPUs that have no driver, and real Apptainer; as root on Debian, elsewhere it is skipped.
cluster: setup
	$(BIN)/python -m pytest tests/cluster

# The configs of the five studies, reduced: every published network and loss trains for an epoch of few objects; what
# real files are not here is simulated.
STUDIES := clusters losses stamps photoz course
studies: setup
	@for study in $(STUDIES); do \
	  small=results/reduced/$$study; \
	  $(BIN)/python -m skybake.config.reduced configs/studies/$$study.yaml $$small.yaml --results $$small || exit $$?; \
	  $(BIN)/snakemake --profile profiles/local --cores $(CORES) --quiet rules --configfile $$small.yaml || exit $$?; \
	done

# What this site will do, green or red: one short job of each kind. PROFILE=profiles/local for this machine alone.
doctor: setup
	@$(BIN)/snakemake --profile $(PROFILE) --quiet rules host -- doctor

# Do TensorFlow and JAX find NVIDIA's libraries, as requirements/train-gpu.lock has them? No GPU is needed, but 8 GB in
# GPU_VENV; the image containers/images/train-gpu.sif is looked into if it is there. No part of make test.
gpu-libraries: setup
	$(PYTHON) -m venv $(GPU_VENV)
	VIRTUAL_ENV=$(GPU_VENV) $(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode requirements/train-gpu.lock
	GPU_VENV=$(GPU_VENV) $(BIN)/python -m pytest tests/gpu

# Queue, and where each training is; RESULTS=... for another bake-off.
watch:
	@watch -n 10 "$(BIN)/python -m skybake.workflow.watch $(RESULTS)"

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

# Lock files hold hashes and no addresses; the conda environments hold the same versions. dev.lock comes first and the
# others follow it, so that every environment has the same versions of what they share.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url pyproject.toml
lock: setup
	$(LOCK) --extra dev -o requirements/dev.lock
	for kind in data mock train-cpu train-gpu report; do $(LOCK) --extra $$kind -c requirements/dev.lock -o requirements/$$kind.lock; done
	$(BIN)/python envs/from_locks.py

docs: setup
	$(BIN)/python -m skybake.config.page
	$(BIN)/python -m skybake.losses._page
	$(BIN)/python docs/from_audit.py

clean:
	rm -rf results .snakemake
