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
