# `make run` and `make test` are all a new machine needs; what both share is `make setup`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILD_PACKAGES := build-essential cmake pkg-config python3-dev python3-venv libssl-dev libopus-dev libipsec-mb-dev
TEST_PACKAGES := chromium firefox-esr ffmpeg iproute2
NATIVE := CMakeLists.txt pyproject.toml $(shell find src -name '*.?pp' -o -name '*.pyx' -o -name 'CMakeLists.txt' -o -name '*.cmake')

.PHONY: setup run test test-asan bench lint clean
setup: $(VENV)/.built

$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group build --group test --group lint
	touch $@

$(VENV)/.built: $(VENV)/.installed $(NATIVE)
	$(BIN)/python -m pip install --quiet --no-build-isolation -e .
	touch $@

FUZZ_SECONDS ?= 60
FUZZ := build/fuzz/tests/fuzz

.PHONY: fuzz
fuzz: ## the parsers under libFuzzer with ASan and UBSan, FUZZ_SECONDS (60) each
	@command -v clang++ >/dev/null || { echo "make fuzz needs clang: apt-get install clang" >&2; exit 1; }
	cmake -S . -B build/fuzz -DSPACESCORE_FUZZ=ON -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
	cmake --build build/fuzz
	set -e; for unit in stun rtp rtcp; do \
	  mkdir -p $(FUZZ)/corpus_$$unit; \
	  $(FUZZ)/fuzz_$$unit -max_total_time=$(FUZZ_SECONDS) -max_len=1500 -verbosity=0 -print_final_stats=1 \
	    -artifact_prefix=$(FUZZ)/$$unit- $(FUZZ)/corpus_$$unit; \
	done
