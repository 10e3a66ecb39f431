# `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The demo's trading day: `make demo ORDERS=1000000 SEED=7`.
ORDERS ?= 100000
SEED ?= 1
# How many seeds `make simulate` runs, from SEED on.
SEEDS ?= 20000
# How often `make crash-test` kills the writing process.
KILLS ?= 200

examples := $(patsubst %/Package.swift,%,$(wildcard Examples/*/Package.swift))
library_targets := DaybookCore Daybook DaybookSQLite DaybookGRDB DaybookTesting

.PHONY: help setup demo test bench format lint docs crash-test simulate clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs what is missing (SQLite's headers and the like); the other targets call it.
	@scripts/setup

demo: setup ## Runs a made-up trading day of 100,000 orders through a durable log (ORDERS, SEED).
	@scripts/demo $(ORDERS) $(SEED)

# One test after another: side by side, hundreds of them wait for each other's turns, and run into their time limits.
test: setup ## Builds everything and runs every test: library, examples, README samples, file format.
	python3 -m unittest discover --start-directory scripts/tests
	scripts/check-samples
	swift build --build-tests
	swift test --skip-build --no-parallel
	for package in $(examples); do echo "== $$package"; swift test --package-path "$$package" --no-parallel; done

bench: setup ## Measures the store beside the raw disk, then the pieces of the core (release builds; minutes).
	swift run -c release daybook bench
	swift package --package-path Benchmarks --disable-sandbox benchmark

format: ## Formats the Swift sources in place.
	git ls-files -z --cached --others --exclude-standard '*.swift' | xargs -0 swift format --in-place --parallel

lint: ## Fails when a Swift source is not formatted.
	git ls-files -z --cached --others --exclude-standard '*.swift' | xargs -0 swift format lint --strict --parallel

docs: setup ## Builds the reference as a static site in docs/site.
	DAYBOOK_DOCS=1 swift package --scratch-path .build-docs --allow-writing-to-directory docs/site \
	    generate-documentation $(addprefix --target ,$(library_targets)) --enable-experimental-combined-documentation \
	    --transform-for-static-hosting --hosting-base-path daybook --output-path docs/site

crash-test: setup ## Kills the writing process at random moments and compares with what was acknowledged (KILLS).
	scripts/crash-test --canary
	scripts/crash-test --kills $(KILLS)

simulate: setup ## Runs the store over a simulated disk that breaks, seed by seed (SEEDS, SEED: the first).
	swift build -c release --product Simulate
	SWIFT_DETERMINISTIC_HASHING=1 "$$(swift build -c release --show-bin-path)/Simulate" --seed $(SEED) --seeds $(SEEDS)

clean: ## Removes everything that was built.
	rm -rf .build .build-* docs/site Benchmarks/.build $(addsuffix /.build,$(examples))
