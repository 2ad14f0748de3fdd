# make demo | test | test-slow | build | bench | lint | clean
# A GPU user: make test TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cu130"
VENV ?= .venv
TORCH ?= torch==2.13.0
PYTHON ?= python3
BIN = $(VENV)/bin
# With a compiler at hand a failed build is an error, without one everything runs on the reference operators.
export PYXAI_NATIVE ?= $(if $(shell command -v $(CXX)),1,0)
SOURCES = $(wildcard csrc/*/*)

.PHONY: demo test test-slow build bench lint clean
.DEFAULT_GOAL := build

demo: build
	$(BIN)/pyxai demo

test: build
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --max-worker-restart 0 --durations 20

test-slow: build
	$(BIN)/pytest -m slow -n 2 --dist loadgroup --max-worker-restart 0

bench: build
	$(BIN)/python -m benchmarks

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(wildcard csrc/*/*.h csrc/*/*.cpp csrc/*/*.cu)

build: $(VENV)/built

# torch first and alone: the later commands find it installed and leave it as it is. The package itself is linked in
# without its compiled module, which `built` makes where the objects stay, so that an edit recompiles only its file.
$(VENV)/ready: pyproject.toml setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q $(TORCH)
	$(BIN)/python -m pip install -q "setuptools>=77" "pybind11>=3" ninja
	PYXAI_NATIVE=0 $(BIN)/python -m pip install -q --no-build-isolation -e ".[test]"
	touch $@

$(VENV)/built: $(VENV)/ready $(SOURCES)
	$(BIN)/python setup.py -q build_ext --inplace
	touch $@

clean:
	rm -rf build dist out *.egg-info pyxai/_C*.so $(VENV)/ready $(VENV)/built
