# The verbs. `make help` lists them; CI calls the same ones.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
ARGS ?=
TARGET ?= http://127.0.0.1:8080
USERS ?= 10
FOR ?= 60s

.PHONY: help demo dev up test lint fmt deny openapi events rules load overload measure picture clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

demo: ## build and run the whole stack in one process; ARGS="--for 20s --ephemeral" passes flags
	$(CARGO) run --release --locked --quiet -- $(ARGS)

dev: ## the services as processes on private Postgres, Redis and RabbitMQ, until Ctrl-C
	$(CARGO) build --locked --quiet --workspace --exclude loadtests --bins
	./target/debug/signalbox-dev $(ARGS)

up: ## the same with Prometheus, Alertmanager, exporters and a low load; alerts as lines; ARGS="--profile demo"
	$(CARGO) build --locked --quiet --workspace --exclude loadtests --bins
	./target/debug/signalbox-dev --observe $(ARGS)

test: ## build and run every test
	$(CARGO) run --locked --quiet -p backends -- check
	$(CARGO) test --workspace --locked --no-fail-fast

lint: ## formatting, clippy, generated rules and, where installed, cargo-deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --locked --quiet --test rules generated_files_are_up_to_date
	@if command -v cargo-deny >/dev/null; then $(MAKE) --no-print-directory deny; else \
	  echo "skipped: cargo-deny is not installed (cargo install --locked cargo-deny)"; fi

fmt: ## format the code
	$(CARGO) fmt --all

deny: ## check licences, bans and sources of every dependency
	$(CARGO) deny --locked check bans licenses sources

openapi: ## write docs/openapi.json again
	UPDATE_OPENAPI=1 $(CARGO) test --locked -p testkit --test openapi -- --nocapture

events: ## write the table of docs/events.md again
	UPDATE_EVENTS=1 $(CARGO) test --locked -p contracts --test events -- --nocapture

rules: ## write the rules, and the tables of docs/observability.md, from observability/ again
	$(CARGO) run --locked --quiet -p observability --bin signalbox-rules -- generate

load: ## load TARGET with USERS for FOR; reports in target/load
	$(CARGO) run --release --locked --quiet -p loadtests -- --target $(TARGET) --users $(USERS) --for $(FOR) $(ARGS)

overload: ## measure outages and three times too much load, about 2 minutes; ARGS="--only logins --pairs 7" passes flags
	$(CARGO) run --release --locked --quiet -p testkit --bin signalbox-overload -- $(ARGS)

measure: ## start-up time and idle memory of the demo
	./scripts/measure

picture: ## draw the slowest trace of a short run into docs/trace.svg
	./scripts/picture

clean: ## remove build output
	$(CARGO) clean

# Terraform
.PHONY: plan-test
plan-test: ## every check of terraform/ without an AWS account; ARGS="--only test --module network" takes a part
	./scripts/plan-test $(ARGS)
