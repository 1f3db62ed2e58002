# Needs Go, and for the tests the programs of PostgreSQL; Go fetches what go.mod names.

# How long each fuzz target runs: a time, or executions (20000x). Where a run must not fail without a finding, executions: the
# end of a time can cut a worker short, which go test reports as "context deadline exceeded" (go.dev/issue/75804, fixed in Go 1.27).
FUZZTIME ?= 15s

.PHONY: build test test-postgres race lint bench fuzz filters cover coherence conformance failover

# One static binary. Go writes version and commit into it; rollcall version shows them.
build:
	CGO_ENABLED=0 go build -trimpath -buildvcs=auto -o bin/rollcall ./cmd/rollcall

test:
	go test -timeout 20m ./...

# The tests that have a database, with PostgreSQL as that: the same tests, none skipped.
test-postgres:
	ROLLCALL_TEST_DATABASE=postgres go test -timeout 20m . ./internal/store/... ./internal/directory/... ./internal/auth ./internal/feed \
		./internal/scim1 ./internal/scim2 ./internal/crest ./cmd/rollcall

race:
	CGO_ENABLED=1 go test -timeout 20m -race ./...

lint:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

# What clients do most at 1, 16 and 64 connections, beside the limits of the machine: docs/performance.md.
bench: build
	bin/rollcall bench

# Each fuzz target for FUZZTIME.
fuzz:
	@git grep -hoE '^func Fuzz[A-Za-z0-9_]*' -- '*_test.go' >/dev/null || exit 0; \
	git grep -oE '^func Fuzz[A-Za-z0-9_]*' -- '*_test.go' | while IFS=: read -r file found; do \
		echo "$$(dirname $$file) $${found#func }"; \
		go test -run '^$$' -fuzz "^$${found#func }\$$" -fuzztime $(FUZZTIME) "./$$(dirname $$file)" </dev/null || exit 1; \
	done

# 100,000 random filters on random resources: SQL selects what the filters say in memory.
filters:
	go test ./internal/store -run '^TestFilters$$' -rapid.checks=1000

# docs/conformance.md from a run of all tests. It fails with them.
conformance:
	go test -timeout 20m -json ./... >conformance.json
	go run ./internal/conformance <conformance.json >docs/conformance.md
	rm conformance.json

cover:
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

# Random sequences of operations over random doors, compared with a model.
coherence:
	go test . -run TestCoherence -sequences 10000

# Ten kills of a PostgreSQL primary under load; make test has three.
failover:
	ROLLCALL_FAILOVERS=10 go test ./cmd/rollcall -count 1 -v -run Failover
