# make demo | test | test-slow | build | docs | bench | lint | clean; with V=1 every command is shown
# A GPU user: make test TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130"
VENV ?= .venv
TORCH ?= torch==2.13.0
PYTHON ?= python3
BIN = $(VENV)/bin
# With a compiler at hand a failed build is an error, without one everything runs on the reference operators.
export PYXAI_NATIVE ?= $(if $(shell command -v $(CXX)),1,0)
SOURCES = $(filter-out csrc/emulation/%,$(wildcard csrc/*/*))
# A pipe fails with its first command: a compiler's error is one although the commands beside it are filtered out.
SHELL = bash
.SHELLFLAGS = -o pipefail -c
Q = $(if $(V),,@)
say = @echo "pyxai: $(1)"
EMULATION = $(MAKE) -f csrc/emulation/Makefile PYTHON=$(BIN)/python
PIP = $(BIN)/python -m pip$(if $(V),, -qq) install
# ninja begins a line with [1/27] where it shows a command; warnings and errors follow on lines of their own.
WITHOUT_COMMANDS = $(if $(V),,2>&1 | sed '/^\[[0-9]*\/[0-9]*\] /d')

.PHONY: demo test test-slow build emulation docs bench lint clean
.DEFAULT_GOAL := build

demo: build
	$(Q)$(BIN)/pyxai demo

test: build emulation
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --max-worker-restart 0 --durations 20

test-slow: build
	$(BIN)/pytest -m slow -n 2 --dist loadgroup --max-worker-restart 0

# The CUDA kernels for the host, which tests execute. Those build them, too, where they were not.
emulation: build
ifeq ($(PYXAI_NATIVE),1)
	$(Q)$(EMULATION) -q || echo "pyxai: compiles its CUDA kernels for the host"
	$(Q)$(EMULATION) $(if $(V),,-s) -j2
endif

# The tables of the documentation, from the dataclasses of the methods and from stored measurements.
docs: build
	$(BIN)/python -m tools.methods_table
	$(BIN)/python -m benchmarks.table

bench: build
	$(BIN)/python -m benchmarks

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(wildcard csrc/*/*.h csrc/*/*.cpp csrc/*/*.cu) tests/emulation/wrong.cu

build: $(VENV)/built

# torch first and alone: the later commands find it installed and leave it as it is. The package itself is linked in
# without its compiled module, which `built` makes where the objects stay, so that an edit recompiles only its file.
$(VENV)/ready: pyproject.toml setup.py
	$(Q)test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(call say,installs $(firstword $(TORCH)) into $(VENV))
	$(Q)$(PIP) $(TORCH)
	$(call say,installs what the package and its tests need)
	$(Q)$(PIP) "setuptools>=77" "pybind11>=3" ninja
	$(Q)PYXAI_NATIVE=0 $(PIP) --no-build-isolation -e ".[test]"
	$(Q): # An oracle that asks for an OpenCV which would be written over that of another.
	$(Q)$(PIP) --no-deps grad-cam==1.5.7 ttach==0.0.3
	$(Q)touch $@

$(VENV)/built: $(VENV)/ready $(SOURCES)
	$(call say,compiles its module; the first time takes minutes)
	$(Q)$(BIN)/python setup.py -q build_ext --inplace $(WITHOUT_COMMANDS)
	$(Q)touch $@

clean:
	rm -rf build dist out *.egg-info pyxai/_C*.so $(VENV)/ready $(VENV)/built
