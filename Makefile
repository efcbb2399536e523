# `make` lists what there is. Everything works from a fresh clone with Rust installed.

CARGO      ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
QUITTANCE  := $(TARGET_DIR)/debug/quittance
CARGO_DENY_VERSION := 0.20.2
TOOLS      := $(TARGET_DIR)/tools
DENY       := $(TOOLS)/bin/cargo-deny-$(CARGO_DENY_VERSION)

# The macros of sqlx check queries against the committed data in .sqlx, also where a DATABASE_URL is
# set for something else.
export SQLX_OFFLINE := true

.DEFAULT_GOAL := help
.PHONY: help setup setup-browser setup-pgbouncer dev build test matrix check format format-check lint lint-production sqlx-check deny \
        alerts-check api-check advisories bench docs clean

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: ## Install Redis and Postgres where they are missing (no service is started)
	@scripts/setup.sh

setup-browser: ## The same, and Chromium and axe for the tests of the operators' pages
	@scripts/setup.sh --browser

setup-pgbouncer: ## The same as `setup`, and PgBouncer for the tests with a pooler
	@scripts/setup.sh --pgbouncer

dev: setup ## Run everything on this machine: servers, ingress, worker, simulator
	$(CARGO) run --locked --features dev -- dev $(ARGS)

build: ## Build the production program
	$(CARGO) build --locked --release

test: setup ## Run all tests beside a private Redis and Postgres; ARGS go to cargo test
	$(CARGO) build --locked --features dev --bin quittance
	$(QUITTANCE) dev exec -- $(CARGO) test --locked --workspace --features dev --lib --bins --tests $(ARGS)
	$(CARGO) test --locked --workspace --features dev --doc

matrix: setup ## Run the integration tests against each Postgres, Redis and Valkey that can be had
	@CARGO="$(CARGO)" ARGS="$(ARGS)" scripts/matrix.sh

check: format-check lint lint-production sqlx-check deny alerts-check api-check ## All that CI checks besides the tests

format: ## Format the code
	$(CARGO) fmt

format-check:
	$(CARGO) fmt --check
	@! git grep -nE '^(<{7}|>{7}) ' || { echo "a merge was left half-done"; exit 1; }

lint: ## Clippy, with warnings as errors
	$(CARGO) clippy --locked --workspace --features dev --all-targets -- -D warnings

lint-production: ## The same for the production build, without the feature `dev`
	$(CARGO) clippy --locked --lib --bins -- -D warnings

# Fails when a query or a migration was changed and .sqlx was not: scripts/sqlx-prepare.sh renews it.
sqlx-check: setup ## Compare the committed query data with the migrations
	$(CARGO) build --locked --features dev --bin quittance
	@if [ -x scripts/sqlx-prepare.sh ]; then \
		$(QUITTANCE) dev exec -- env SQLX_OFFLINE=false sh -c \
			'export DATABASE_URL="$$QUITTANCE_TEST_DATABASE_URL" && \
			 $(QUITTANCE) migrate && scripts/sqlx-prepare.sh --check'; \
	else \
		echo "no queries are checked yet"; \
	fi

deny: $(DENY) ## Licences, sources and duplicates of the dependencies
	$(DENY) --locked check --hide-inclusion-graph bans licenses sources

# With Debian's promtool, which is fetched into the build output if there is none on PATH.
alerts-check: ## Check the alert rules in deploy/, and tell each its stories
	@scripts/setup.sh --tools
	@PATH="$(abspath $(TOOLS))/bin:$$PATH" && cd deploy && \
		promtool check rules alerts.yml && promtool test rules alerts_test.yml

# By schemathesis, which is installed into the build output; says so and passes where there is no Python with venv.
api-check: setup ## Hold the API's answers against its OpenAPI document
	$(CARGO) build --locked --features dev --bin quittance
	@scripts/api-contract.sh

# Asks the network for the advisory database, so it says so and passes where there is none.
advisories: $(DENY) ## Known vulnerabilities of the dependencies (needs the network)
	@if GIT_TERMINAL_PROMPT=0 git -c http.lowSpeedLimit=1 -c http.lowSpeedTime=15 ls-remote \
		--quiet https://github.com/RustSec/advisory-db HEAD >/dev/null 2>&1; then \
		$(DENY) --locked check advisories; \
	else \
		echo "skipped: https://github.com/RustSec/advisory-db is out of reach"; \
	fi

# A debug build: about a minute once, and kept with the other build output.
$(DENY):
	$(CARGO) install cargo-deny --version $(CARGO_DENY_VERSION) --locked --debug --no-track \
		--root $(TOOLS) --target-dir $(TOOLS)/build
	mv $(TOOLS)/bin/cargo-deny $@
	rm -rf $(TOOLS)/build

bench: setup ## Measure, against floors measured in the same run (release build); PARTS says what
	$(CARGO) bench --locked --features dev --bench program -- $(PARTS)

# The documentation is for those who work on it, so it has the private items, and may link to them.
docs: ## Build the documentation, with warnings as errors
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" $(CARGO) doc --locked --workspace --features dev --no-deps --document-private-items

clean: ## Remove what was built, and the data of `make dev`
	$(CARGO) clean
	rm -rf .quittance
