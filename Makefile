# Safelight's front door; `make help` lists it. Versions of Go modules are in
# go.mod, of development tools in internal/tools/go.mod.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test acceptance check build dist sign bench screenshots weights clean format lint proto notice

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# grpcnotrace keeps gRPC's HTML tracing page out of the programs (archtest).
TAGS := grpcnotrace
LDFLAGS := -s -w -X safelight/internal/version.Version=$(VERSION)
GOBUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS)'
export TAGS

help: ## list these targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: build ## the main job on this machine, from nothing; DEMO_SECONDS=n ends it
	go run -tags $(TAGS) ./internal/demo

test: ## every test, installing what it needs; lists what was skipped and why
	@.ci/setup
	@.ci/test

acceptance: ## the long bars: fuzzing and kill rounds, named and timed; FUZZTIME=60s ROUNDS=5 SEED=n
	@.ci/setup long
	@.ci/acceptance

check: lint ## the quick part: format, vet, lint, unit tests
	go vet -tags $(TAGS) ./...
	go test -short -tags $(TAGS) ./...

build: ## bin/safelight-agent and bin/safelight-collector, static
	$(GOBUILD) -o bin/safelight-agent ./agent
	$(GOBUILD) -o bin/safelight-collector ./collector

dist: ## archives of both programs for every system, .deb and .rpm for Linux, bills of materials, SHA256SUMS, in dist/
	@VERSION='$(VERSION)' .ci/dist

sign: ## signs what dist made: KEY (minisign) for SHA256SUMS, CERT and CERTKEY (Authenticode) for each .msi
	@VERSION='$(VERSION)' .ci/sign

bench: build ## the benchmark table, with its peers; BENCH_NAMES=FILE of real names, BENCH_CORPORA=FOLDER of public queries
	go run -tags $(TAGS) ./internal/bench

screenshots: ## pictures of the console, in docs/screenshots
	@.ci/setup
	SAFELIGHT_SCREENSHOTS='$(CURDIR)/docs/screenshots' go test -count=1 -tags $(TAGS) -run 'Screenshots|TestThePageFitsEveryScreen' ./collector/console/... ./collector/about

weights: ## the points of the starter pack's weighed words, from internal/fit/lines
	go run -tags $(TAGS) ./internal/fit

lint: ## golangci-lint, with .golangci.yml
	@tool=$$(.ci/tool golangci-lint); "$$tool" run --build-tags $(TAGS) ./...

format: ## gofumpt on every file
	@tool=$$(.ci/tool gofumpt); "$$tool" -w agent collector installer internal proto

proto: ## generate proto/safelight/v1 again
	@tool=$$(.ci/tool buf); cd proto; "$$tool" generate --path safelight

notice: ## write NOTICE again, from what the programs link
	go test -count=1 -run TestNotice ./internal/archtest -update

clean: ## remove what the other targets made, the tools in .cache apart
	rm -rf bin dist .demo
