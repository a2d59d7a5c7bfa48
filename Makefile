# The verbs. `make help` lists them; CI calls the same ones.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
CARGO ?= cargo
ARGS ?=
TARGET ?= http://127.0.0.1:8080
USERS ?= 10
FOR ?= 60s
PROGRAMS = $${CARGO_TARGET_DIR:-target}/debug

.PHONY: help demo dev up test lint fmt deny openapi events architecture rules services load overload figures picture clean

help: ## list the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: ## build and run the whole stack in one process; ARGS="--for 20s --ephemeral" passes flags
	$(CARGO) run --profile demo --locked --quiet -- $(ARGS)

dev: ## the services as processes on private Postgres, Redis and RabbitMQ, until Ctrl-C
	$(CARGO) build --locked --quiet --workspace --exclude loadtests --bins
	$(PROGRAMS)/signalbox-dev $(ARGS)

up: ## the same with Prometheus, Alertmanager, exporters and a low load; alerts as lines; ARGS="--profile demo"
	$(CARGO) build --locked --quiet --workspace --exclude loadtests --bins
	$(PROGRAMS)/signalbox-dev --observe $(ARGS)

test: ## build and run every test
	$(CARGO) build --workspace --locked --quiet --bin backends
	$(PROGRAMS)/backends check
	$(CARGO) test --workspace --locked --no-fail-fast
	$(CARGO) test --profile demo --locked --test cli

.PHONY: kills
kills: ## kill every service and server in turn, three times over, while clients register; `make test` does it once
	$(CARGO) test --workspace --locked --test kills -- --ignored

lint: ## formatting, clippy, generated rules and lists of services and, where installed, cargo-deny
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --locked --quiet --test rules --test services generated_files_are_up_to_date
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

architecture: ## write the table and drawing of the crates in docs/architecture.md again
	UPDATE_ARCHITECTURE=1 $(CARGO) test --locked -p testkit --test architecture the_page_shows_the_house_as_it_is

rules: ## write the rules, and the tables of docs/observability.md, from observability/ again
	$(CARGO) run --locked --quiet -p observability --bin signalbox-rules -- generate

services: ## write everything that repeats services.yaml again
	$(CARGO) run --quiet -p topology -- generate

.PHONY: new-service new-service-test
new-service: ## write a new gRPC service with a store, its proto and its line on the list; NAME=order
	$(CARGO) run --locked --quiet -p topology -- new "$(NAME)"
	$(CARGO) update --workspace --offline --quiet
	$(CARGO) fmt -p "$(NAME)"
	$(MAKE) --no-print-directory architecture
	./scripts/chart sync --without-helm

new-service-test: ## the same in a copy of this tree, built, linted and tested there; takes a build
	copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && export CARGO_TARGET_DIR=$${CARGO_TARGET_DIR:-$(CURDIR)/target} && \
	git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents --target-directory "$$copy" && cd "$$copy" && \
	$(MAKE) --no-print-directory new-service NAME=scratch-pad && \
	$(CARGO) fmt --all --check && \
	$(CARGO) clippy --locked -p scratch-pad -p contracts -p all-in-one --all-targets -- -D warnings && \
	$(CARGO) test --locked -p scratch-pad -p contracts -p topology -p all-in-one && \
	$(CARGO) test --locked -p testkit --test architecture --test compose

.PHONY: chart chart-test chart-tools
chart: ## write the chart's copies, schema and rendered manifests again
	./scripts/chart sync

chart-test: ## the chart: policies, security, schemas, canaries, drift
	./scripts/chart test

chart-tools: ## build helm and linters, fetch schemas of the chart, into target/chart-tools, with Go and Python
	./scripts/chart tools

load: ## load TARGET with USERS for FOR; reports in target/load
	$(CARGO) run --release --locked --quiet -p loadtests -- --target $(TARGET) --users $(USERS) --for $(FOR) $(ARGS)

overload: ## measure outages and three times too much load, about 2 minutes; ARGS="--only logins --pairs 7" passes flags
	$(CARGO) run --release --locked --quiet -p testkit --bin signalbox-overload -- $(ARGS)

figures: ## measure the demo's first build, start and memory and write them into README.md; ARGS=--without-build keeps the first
	./scripts/figures $(ARGS)

picture: ## draw the slowest trace of a short run into docs/trace.svg
	./scripts/picture

clean: ## remove build output
	$(CARGO) clean

# --- images and pipeline -----------------------------------------------------------------------------------------------------
# A linter that is not installed is skipped with a line that says so; with STRICT=1, as in the pipeline, that is a failure.
STRICT ?=
missing = if [ -n "$(STRICT)" ]; then echo "$(1): not installed" >&2; exit 1; else echo "skipped: $(1) is not installed (scripts/pipeline-tools lint)"; fi
SCRIPTS = $(shell grep -rlE '^\#!/usr/bin/env bash' scripts tests deploy terraform/tests .ci)

.PHONY: image-lint image-table images images-scan images-push images-publish pipeline-lint advisories restore-drill
.PHONY: plan apply deploy rollback

image-lint: ## deploy/Dockerfile with hadolint, scripts with shellcheck; every digest has a source
	@./tests/pins
	@if command -v hadolint >/dev/null; then hadolint deploy/Dockerfile; else $(call missing,hadolint); fi
	@if command -v shellcheck >/dev/null; then shellcheck --severity=warning --external-sources $(SCRIPTS); else $(call missing,shellcheck); fi

image-table: ## size, start and memory of the programs in the images, without a container engine; takes a build
	./scripts/image-table

pipeline-lint: ## .github/workflows with zizmor and actionlint; links of every page with lychee; what scripts of deployments, their pages and updates do and say
	@./tests/deploy
	@./tests/provision
	@./tests/docs/check
	@./tests/updates
	@if command -v lychee >/dev/null; then lychee --offline --include-fragments --no-progress --quiet $$(git ls-files '*.md'); else $(call missing,lychee); fi
	@if command -v zizmor >/dev/null; then zizmor $(if $(GH_TOKEN),,--offline) --persona=pedantic --quiet .github; else $(call missing,zizmor); fi
	@if command -v actionlint >/dev/null; then actionlint; else $(call missing,actionlint); fi

restore-drill: ## lose a private Postgres and restore it, ten times; RPO and RTO; about 4 minutes
	./tests/restore

images: ## build the images of the services for this machine; needs docker
	./scripts/publish-images build

images-scan: ## scan them for known vulnerabilities; needs grype
	./scripts/publish-images scan

images-push: ## build and push to REGISTRY for this machine's architecture, with SBOM and provenance
	./scripts/publish-images push

images-publish: ## join the architectures, scan, sign, print the digests
	./scripts/publish-images publish

advisories: ## check every dependency against known vulnerabilities; needs cargo-deny and its database
	$(CARGO) deny --locked check advisories

plan: ## what Terraform would change in ENVIRONMENT
	./scripts/terraform plan

apply: ## change it; a plan that destroys something needs ALLOW_DESTROY=1
	./scripts/terraform apply

deploy: ## install the images of DIGESTS in ENVIRONMENT and watch the canaries
	./scripts/deploy up

rollback: ## go back in ENVIRONMENT to release REVISION, or to the one before
	./scripts/deploy back

.PHONY: plan-docs plan-docs-check
plan-docs: ## write the tables of terraform/ again: variables, outputs, costs
	./scripts/terraform docs

plan-docs-check: ## fail when a table of terraform/ is not what its files say
	./scripts/terraform docs --check

# Terraform
.PHONY: plan-test
plan-test: ## every check of terraform/ without an AWS account; ARGS="--only test --module network" takes a part
	./terraform/tests/run $(ARGS)
