# `make run`, `make console` and `make test` need Python 3.11+ and nothing else; each makes .venv first if it must.
# PYTHON chooses the Python for .venv, ARGS goes to swarm, PYTEST_ARGS to pytest,
# OUT names the corpus.

BIN := .venv/bin
CANDIDATES := $(or $(PYTHON),python3 python3.11 python3.12 python3.13 python3.14)
PYTEST_ARGS ?=
OUT ?= build/corpus
# Types are checked for both systems: what one of them lacks in `os`, `signal` or `fcntl` is an error there.
OTHER = $(if $(filter Darwin,$(shell uname)),linux,darwin)

# Another project's packages must not be found before ours: PyPI has a second `console`.
unexport PYTHONPATH PYTHONHOME

.PHONY: help run console test check fixtures retained corpus faults kills detection real-geometry format lock clean setup

help:
	@echo "make run       one live window on this machine, headless   (ARGS='--json' ...: see $(BIN)/swarm run --help)"
	@echo "make console   the console                                  (ARGS='--theme ...')"
	@echo "make test      everything that CI asks for: same as make check"
	@echo "make check     format, lint, types, rooms, tests"
	@echo "make fixtures  fail where a frozen document is not what its lane freezes to, or is not true"
	@echo "make retained  run, refuse, conclude, publish and audit anew what fixtures/ and docs/audits keep (DRILLS=1: drills too)"
	@echo "make corpus    write the corpus of bad bundles and documents (OUT=$(OUT)), with the rule that refuses each"
	@echo "make faults    the fault matrix, cell by cell, resumable   (ARGS='--list', ARGS=':training kill_', ARGS='--jobs 1',"
	@echo "               ARGS=--sshd for the smoke cells against a system sshd)"
	@echo "make kills     1000 random kills of mixed processes, resumable (ARGS='--kills 2000 --per-run 80 --jobs 2')"
	@echo "make detection how soon 100 faults are found, resumable   (ARGS=--table for the figures alone)"
	@echo "make real-geometry  one whole run over a random head of V = 201088, d = 2880, and its figures (ARGS='--place DIR')"
	@echo "make format    let ruff format and mend what it can"
	@echo "make lock      write locks/*.txt from what is installed in .venv"
	@echo "make clean     remove .venv and caches; runs stay where they are"

# exec, so that Ctrl-C and the exit status are swarm's own; make waits for it to clean up.
run: setup
	@exec $(BIN)/swarm run $(ARGS)

console: setup
	@exec $(BIN)/swarm console $(ARGS)

test: check

# Two files of tests at a time: most of their time they wait for processes of their own. PYTEST_ARGS='-n 0' asks for one
# after another, and --pdb needs it.
check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform $(OTHER) --cache-dir .mypy_cache/$(OTHER)
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --dist loadfile $(PYTEST_ARGS)

fixtures: setup
	$(BIN)/swarm freeze --check
	$(BIN)/swarm check lan

# Needed after a change of a contract or of a document's form.
retained: setup
	@$(BIN)/python fixtures/swarm/making/retain.py $(if $(DRILLS),--drills)

# They are the tests' own defects: nothing false is kept in the repository.
corpus: setup
	@$(BIN)/python -m tests.corpus $(OUT)

faults: setup
	@exec $(BIN)/python -m tests.faults $(ARGS)

kills: setup
	@exec $(BIN)/python -m tests.faults.kills $(ARGS)

detection: setup
	@exec $(BIN)/python -m tests.faults.detection $(ARGS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

real-geometry: setup
	@exec $(BIN)/python fixtures/swarm/making/real_geometry.py $(ARGS)

lock: setup
	$(BIN)/python locks/write.py

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	find console runners tests fixtures locks -name __pycache__ -type d -prune -exec rm -rf {} +

# .venv's own Python is asked first because it starts fastest. A version manager's shim may exist and yet not run, and
# Debian's python3 may lack venv: so each candidate is tried, not looked up.
setup:
	@$(BIN)/python -IS locks/environment.py --ready 2>/dev/null || { \
	  for python in $(CANDIDATES); do \
	    if "$$python" -Ic 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	      exec "$$python" -I locks/environment.py; \
	    fi; \
	  done; \
	  echo "set-up: expected Python 3.11 or newer with venv as one of: $(CANDIDATES);" \
	    "got $$(python3 --version 2>&1 || true); install one (Debian: apt install python3-venv," \
	    "Mac: brew install python@3.13), or name it: make PYTHON=/path/to/python3" >&2; \
	  exit 1; }
