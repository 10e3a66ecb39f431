# `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
# SwiftPM reads a manifest again in another environment, and has its traits in another order then: everything would be compiled
# anew for it. `scripts/run-tests` gives tests the order that chance has.
export SWIFT_DETERMINISTIC_HASHING := 1

# The demo's trading day: `make demo ORDERS=1000000 SEED=7`.
ORDERS ?= 100000
SEED ?= 1
# How many seeds `make simulate` runs, from SEED on.
SEEDS ?= 20000
# How often `make crash-test` kills the writing process.
KILLS ?= 200
# How many disks after a power cut `make crash-states` opens.
STATES ?= 20000
# `make kill-calls` and `make fail-calls` meet every EVERY-th system call, of a script of REQUESTS appends.
EVERY ?= 1
REQUESTS ?= 8
# How often `make disk-full` fills its disk, how long a half of `make memory-ceiling` takes, how often `make power-cut` cuts.
FILLS ?= 30
PERIOD ?= 30
CUTS ?= 20

# How many values `make codec-corpus` compares, and how long `make fuzz` runs each target.
VALUES ?= 100000
SECONDS ?= 60

# How often `make test-faults` kills the server, through each of two clients.
SERVER_KILLS ?= 200

# The runs of `make histories`, each of so many calls, and another with 20 kills.
HISTORIES ?= 5
OPERATIONS ?= 20000

# Tests that are optimised, beside the others.
campaign := -c release -Xswiftc -enable-testing --scratch-path .build-campaign

examples := $(patsubst %/Package.swift,%,$(wildcard Examples/*/Package.swift))
library_targets := DaybookCore Daybook DaybookSQLite DaybookGRDB DaybookTesting

.PHONY: help setup demo test test-engines test-server test-http test-faults bench bench-engines bench-server bench-short format lint docs \
    crash-test crash-states kill-calls fail-calls disk-full \
    memory-ceiling power-cut faults codec-corpus fuzz sanitize-thread sanitize-address histories corruption simulate \
    simulate-scale campaigns clean

help: ## Lists the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Installs what is missing (SQLite's headers and the like); the other targets call it.
	@scripts/setup

demo: setup ## Runs a made-up trading day of 100,000 orders through a durable log (ORDERS, SEED).
	@scripts/demo $(ORDERS) $(SEED)

# One test after another: side by side, hundreds of them wait for each other's turns, and run into their time limits. The
# examples are built beside the library, of which nothing is compiled again.
test: setup ## Builds everything and runs every test: library, examples, README samples, file format.
	python3 -m unittest discover --start-directory scripts/tests
	scripts/check-samples
	swift build --build-tests
	scripts/run-tests --skip-build --no-parallel
	for package in $(examples); do \
	    echo "== $$package"; scripts/run-tests --package-path "$$package" --scratch-path .build --no-parallel; \
	done

test-engines: ## Runs the tests of the server, and of what stands on PostgreSQL, NATS, Kafka, Kinesis, HTTP (ENGINES=kafka).
	@scripts/setup --engines
	scripts/test-engines $(ENGINES)

test-server: ## Tests the server through KurrentDB's clients for Python (DAYBOOK=program to test what is built).
	@scripts/setup --engines
	scripts/test-server

test-http: ## Tests the HTTP API of `daybook serve`: from Python, by the examples of the docs, by schemathesis.
	@scripts/setup --engines
	scripts/test-http

# Its short form is a part of `make test-engines ENGINES=server`. Half an hour: clients that say nothing are waited for.
test-faults: ## Treats the server as badly as clients can, and kills it under load, in the long forms (SERVER_KILLS).
	@scripts/setup --engines
	LONG=1 KILLS=$(SERVER_KILLS) scripts/test-faults
	swift build --package-path Engines --build-tests
	SERVER_KILLS=$(SERVER_KILLS) scripts/run-tests --package-path Engines --no-parallel --filter ServerKillTests

bench-engines: ## Measures these beside bare clients of the same systems (ENGINES=kafka for one).
	@scripts/setup --engines
	scripts/bench-engines $(ENGINES)

bench-server: ## Measures `daybook serve` by gRPC and HTTP, beside the embedded store (release builds; 15 minutes).
	@scripts/setup --engines
	scripts/bench-server

bench: setup ## Measures the store beside the raw disk, then the pieces of the core (release builds; minutes).
	swift run -c release daybook bench
	swift package --package-path Benchmarks --disable-sandbox benchmark

bench-short: setup ## Shows that what measures runs, but for webhooks; its figures, of debug builds and few events, say nothing.
	@scripts/setup --engines
	swift build --product daybook
	.build/debug/daybook bench --seconds 0.05
	swift build --package-path Benchmarks --scratch-path .build
	.build/debug/ModelBenchmarks --events 2000 --keys 100
	SHORT=1 NATS_NODES=1 scripts/bench-engines postgres jetstream kafka
	scripts/bench-server --debug --rounds 1 --seconds 0.3
	scripts/simulate-scale --quick

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

crash-states: setup ## Opens the disk as power cuts would leave it, 20,000 times (STATES).
	scripts/crash-states --states $(STATES)

kill-calls: setup ## Kills the writing process at each of its system calls (EVERY, REQUESTS).
	scripts/kill-calls --every $(EVERY) --requests $(REQUESTS)

fail-calls: setup ## Fails each system call of the store, once and for good (EVERY, REQUESTS).
	scripts/fail-calls --every $(EVERY) --requests $(REQUESTS)

disk-full: setup ## Fills a small disk under a running store, and makes room again (FILLS; root).
	scripts/disk-full --fills $(FILLS)

memory-ceiling: setup ## Has 200 subscribers that never read, within 256 MiB of memory (PERIOD, in seconds).
	scripts/memory-ceiling --period $(PERIOD)

power-cut: setup ## Cuts the power of a disk with a volatile cache, under ext4 (CUTS; root, nbdkit).
	scripts/power-cut --cuts $(CUTS)

# Its steps have few cases each; the targets above have them all.
faults: setup ## The short form of the five tests that break the real store: about three minutes.
	scripts/crash-states --states 300
	scripts/kill-calls --every 5 --requests 4
	scripts/fail-calls --every 9 --requests 3
	scripts/disk-full --fills 6
	scripts/memory-ceiling --period 5

codec-corpus: setup ## Compares the JSON codec with Foundation's, over made-up and damaged values (VALUES).
	@scripts/codec-corpus $(VALUES)

fuzz: ## Feeds made-up bytes to all that reads bytes: records, JSON, imports, the server (SECONDS for each of TARGETS).
	@scripts/setup --engines
	@scripts/fuzz --seconds $(SECONDS) $(if $(TARGETS),--targets $(TARGETS))

sanitize-thread: setup ## Runs the unit tests under the thread sanitizer (SHORT=--short for the concurrent ones).
	@scripts/sanitize thread $(SHORT)

sanitize-address: setup ## Runs the unit tests under the address sanitizer (SHORT=--short for the raw memory).
	@scripts/sanitize address $(SHORT)

histories: setup ## Checks 100,000 concurrent calls for linearizability, and others across 100 kills (HISTORIES, OPERATIONS).
	swift build --product CheckHistories
	"$$(swift build --show-bin-path)/CheckHistories" run --seeds $(HISTORIES) --operations $(OPERATIONS)
	"$$(swift build --show-bin-path)/CheckHistories" kill --seeds $(HISTORIES) --kills 20

# Optimised, half an hour; unoptimised it would be two.
corruption: setup ## Damages every byte of a store, fails every call of its storage, and compares (PART=2/8 for a part of it).
	swift build $(campaign) --build-tests
	DAYBOOK_CAMPAIGN=full $(if $(PART),DAYBOOK_CAMPAIGN_PART=$(PART)) swift test $(campaign) --skip-build --no-parallel \
	    --filter 'CorruptionCampaignTests|StorageCallTests|SalvageTests'

simulate: setup ## Runs the store over a simulated disk that breaks, seed by seed (SEEDS, SEED: the first).
	swift build -c release --product Simulate
	SWIFT_DETERMINISTIC_HASHING=1 "$$(swift build -c release --show-bin-path)/Simulate" --seed $(SEED) --seeds $(SEEDS)

simulate-scale: ## Simulates what the stores cost to 10^9 events, beside what was measured (PART=file for a part of it).
	@scripts/simulate-scale $(PART)

# What breaks the store, each in its long form, the shorter ones first; what CI runs of them is in .ci/run.
long_forms := power-cut disk-full memory-ceiling crash-test fuzz codec-corpus histories kill-calls crash-states simulate \
    sanitize-address sanitize-thread fail-calls test-faults corruption

campaigns: ## All that breaks the store, in its long forms, one after another, up to the first that fails: some hours.
	for campaign in $(long_forms); do \
	    begun=$$SECONDS; echo "== $$campaign"; $(MAKE) --no-print-directory $$campaign; \
	    echo "== $$campaign: $$((SECONDS - begun)) s"; \
	done

clean: ## Removes everything that was built.
	rm -rf .build .build-* docs/site Benchmarks/.build Engines/.build $(addsuffix /.build,$(examples))
