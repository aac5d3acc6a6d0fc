SHELL := bash -o pipefail

# Everything needs -tags goolm: Olm in pure Go instead of a C library.
TAGS    := -tags goolm
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
APP     := wazo-matrix-relay/internal/app
LDFLAGS := -X $(APP).buildVersion=$(VERSION) -X $(APP).buildCommit=$(COMMIT)
LINT    := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: build demo test test-unit test-e2e lint bench chaos fuzz

build: ## the program
	go build $(TAGS) -ldflags "$(LDFLAGS)" -o wazo-matrix-relay .

demo: ## a homeserver, a Wazo and the relay, talking; then you
	cd e2e && go run $(TAGS) ./cmd/demo $(DEMO_FLAGS)

test: test-unit test-e2e ## everything

test-unit: ## without homeserver; prints the contract line
	go test $(TAGS) -race -timeout 10m $$(go list $(TAGS) ./... | grep -v '/relay/convert$$')
	go test $(TAGS) ./relay/convert # without -race: it starts no goroutine, and parses megabytes
	@go test $(TAGS) -run '^TestContract' -v ./wazoapi/wazotest | grep '^contract:'

test-e2e: ## the whole program on a real homeserver; prints the catch-up and chaos lines
	cd e2e && go test $(TAGS) -race -timeout 30m $$(go list $(TAGS) ./... | grep -v -e /catchup -e /chaos)
	cd e2e && go test $(TAGS) -v -timeout 20m ./catchup | grep -E '^(catchup:|--- |FAIL|ok|panic)'
	cd e2e && go test $(TAGS) -v -timeout 20m ./chaos | grep -E '^(chaos:|--- |FAIL|ok|panic|    )'

lint: ## formatting, vet, linters; the same for both modules
	$(LINT) run ./...
	cd e2e && $(LINT) run --config ../.golangci.yml ./...

bench: ## what the relay adds to the time of a message, against a plain client
	cd e2e && go run $(TAGS) ./cmd/bench $(BENCH_FLAGS)

chaos: ## the long run under fire: kills, lost answers, late commits, restarts
	cd e2e && go run $(TAGS) ./cmd/chaos -messages 20000 -kills 200 $(CHAOS_FLAGS)

FUZZTIME := 20s
fuzz: ## each fuzz target for a while
	@for dir in $$(grep -rl --include='*_test.go' 'func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho 'func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6- | sort -u); do \
			echo "$$dir $$target"; go test $(TAGS) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$dir || exit 1; \
		done; \
	done
