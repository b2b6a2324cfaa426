# `make run` and `make test` are all a new machine needs; what both share is `make setup`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check

BUILD_PACKAGES := build-essential cmake python3-dev python3-venv libssl-dev libopus-dev
ifeq ($(shell uname -m),x86_64)
BUILD_PACKAGES += libipsec-mb-dev
endif
TEST_PACKAGES := chromium firefox-esr ffmpeg fonts-noto-color-emoji iproute2 libspeexdsp1 postgresql
# Servers that some tests start themselves. On a machine with a service manager they would be
# started at each boot, so there they are for its owner to install; without them tests are skipped.
SERVER_PACKAGES := prometheus coturn nginx

CPP := $(shell find src tests -name '*.[ch]pp')
NATIVE := CMakeLists.txt $(CPP) $(shell find src -name '*.pyx' -o -name 'CMakeLists.txt' -o -name '*.cmake')

.PHONY: help setup run test test-asan test-tsan fuzz bench bench-jitter bench-peers lint format portable stubs
.PHONY: build-asan wheel-test screenshots clean
.PHONY: build-packages test-packages

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: build-packages $(VENV)/.built ## install what is missing and build the core

run: setup ## start the room service with a demo space; its data lives in ./data
	$(BIN)/spacescore serve --demo --data data $(ARGS)

test: setup test-packages ## every test; ARGS="-k ticket" picks some
	$(BIN)/pytest -n 2 $(ARGS)

test-asan: build-asan ## the tests that reach native code, under ASan and UBSan
	.ci/sanitize asan libasan.so -n 3 $(ARGS)

build-asan: setup
	.ci/sanitized-build asan address,undefined

test-tsan: setup ## the tests with threads in them, under ThreadSanitizer
	.ci/sanitized-build tsan thread
	.ci/sanitize tsan libtsan.so $(or $(ARGS),tests/io tests/load/test_run.py)

FUZZ_SECONDS ?= 60
FUZZ := build/fuzz
fuzz: ## the parsers under libFuzzer, ASan and UBSan, FUZZ_SECONDS (60) each; what it learns is kept small
	@.ci/debian-packages clang libclang-rt-dev
	cmake -S . -B $(FUZZ) -DSPACESCORE_FUZZ=ON -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
	cmake --build $(FUZZ)
	$(PYTHON) tests/fuzz/seeds.py $(FUZZ)/seeds
	for unit in stun rtp rtcp red opus; do .ci/fuzz $(FUZZ) $$unit $(FUZZ_SECONDS); done

# Where the table and the plots go; REPORT=build/bench leaves the tree alone.
REPORT := README.md docs/images
bench: setup ## every bench against its floor and budget; rewrites README's table and plots
	@$(PIP) install --group bench
	mkdir -p build
	$(BIN)/pytest --benchmark-only --benchmark-json build/bench.json $(ARGS)
	$(BIN)/python benches/report.py build/bench.json $(REPORT)

bench-jitter: setup ## jitter buffers side by side; rewrites docs/jitter.md's tables and plots
	@$(PIP) install --group bench
	PYTHONPATH=benches $(BIN)/python -m jitter docs/jitter.md docs/images

PEERS := build/peers-venv
bench-peers: setup ## CPU, memory and joins beside Janus and aiortc, which it installs
	@.ci/debian-packages ethtool iproute2 || echo "Going on without a wire." >&2
	@.ci/janus || echo "Going on without Janus." >&2
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --quiet --no-input --disable-pip-version-check install aiortc aiohttp || \
	  echo "Going on without aiortc." >&2
	PYTHONPATH=benches $(BIN)/python -m peers --aiortc-python $(PEERS)/bin/python $(ARGS)

lint: setup ## ruff, mypy --strict, clang-format, stub freshness
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/clang-format --dry-run -Werror $(CPP)
	$(BIN)/mypy
	.ci/stubs --check

format: $(VENV)/.installed ## let ruff and clang-format rewrite the tree
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/clang-format -i $(CPP)

# What another CPU compiles; with a cross compiler: make portable CXX=aarch64-linux-gnu-g++
CORE := $(filter-out src/fanout/bindings/%,$(filter src/%.cpp,$(CPP)))
portable: ## syntax check of the core without ipsec-mb, SRTP on OpenSSL alone
	@printf '%s\n' $(CORE) | xargs -P $$(nproc) -n 8 $(CXX) $(CPPFLAGS) -std=c++23 -fsyntax-only \
	  -Wall -Wextra -Wpedantic -Werror -Isrc

stubs: setup ## regenerate python/spacescore/_core.pyi
	.ci/stubs

screenshots: setup test-packages ## take the pictures in docs/images again
	$(BIN)/python tests/screenshots.py

wheel-test: setup ## build the wheel, install it into an empty venv, import it
	.ci/wheel-test

clean: ## remove the venv and everything built
	rm -rf $(VENV) build

build-packages:
	@.ci/debian-packages $(BUILD_PACKAGES)

test-packages:
	@.ci/debian-packages $(TEST_PACKAGES)
	@test -d /run/systemd/system || .ci/debian-packages $(SERVER_PACKAGES) || echo "Going on without." >&2

# A stamp carries the time at which its step began, so an edit made meanwhile is not missed.
$(VENV)/.installed: pyproject.toml | build-packages
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "spacescore needs Python 3.11 or later: make PYTHON=python3.11 setup" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	touch $@.began
	$(PIP) install 'pip>=25.1'
	$(PIP) install --group build --group test --group lint
	mv $@.began $@

$(VENV)/.built: $(VENV)/.installed $(NATIVE)
	touch $@.began
	$(PIP) install --no-build-isolation --editable .
	mv $@.began $@
