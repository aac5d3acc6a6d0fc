SHELL := bash -o pipefail

# Everything needs -tags goolm: Olm in pure Go instead of a C library.
TAGS    := -tags goolm
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo development)
COMMIT  := $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
APP     := wazo-matrix-relay/internal/app
LDFLAGS := -X $(APP).buildVersion=$(VERSION) -X $(APP).buildCommit=$(COMMIT)

# The tools, each with its exact version.
LINT    := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VULN    := golang.org/x/vuln/cmd/govulncheck@v1.9.0
COMPOSE := github.com/compose-spec/compose-go/v2/cmd@v2.16.2

.PHONY: build static packaging help demo picture test test-unit test-postgres test-e2e browser e2e-synapse lint bench divide plots limits accounts scale chaos standby fuzz

build: ## Builds the program, ./wazo-matrix-relay.
	go build $(TAGS) -ldflags "$(LDFLAGS)" -o wazo-matrix-relay .

# Without the libraries of a system: names are looked up by Go, and SQLite loads no extensions.
ARCH        := $(shell go env GOARCH)
OUT         := wazo-matrix-relay
STATIC_TAGS := -tags goolm,netgo,osusergo,sqlite_omit_load_extension
CC_amd64    := x86_64-linux-gnu-gcc
CC_arm64    := aarch64-linux-gnu-gcc
static: ## Builds the program as the image contains it: for Linux, without any library. ARCH=arm64 or ARCH=amd64 builds it for another machine.
	CGO_ENABLED=1 GOOS=linux GOARCH=$(ARCH) $(if $(filter-out $(shell go env GOHOSTARCH),$(ARCH)),CC=$(CC_$(ARCH))) \
		go build $(STATIC_TAGS) -trimpath -ldflags "-s -w -linkmode external -extldflags -static $(LDFLAGS)" -o $(OUT) .

help: ## Lists these targets.
	@sed -nE 's/^([a-z][a-z0-9-]*):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r target text; do \
		printf '%-11s %s\n' "$$target" "$$text"; \
	done

demo: ## Starts a homeserver, a Wazo and the relay, plays a conversation, and then lets you type. DEMO_FLAGS=-once ends after the conversation, and DEMO_FLAGS=-sms shows one with a telephone.
	@cd e2e && TAGS='$(TAGS)' cmd/demo/run.sh $(DEMO_FLAGS)

picture: ## Plays two conversations through the relay and draws them into docs/conversation.svg and docs/relations.svg.
	cd e2e && go run $(TAGS) ./cmd/picture -o ../docs/conversation.svg
	cd e2e && go run $(TAGS) ./cmd/picture -relations -o ../docs/relations.svg

test: test-unit test-postgres test-e2e browser ## Runs all tests.

test-unit: ## Runs the tests that need no homeserver, and prints how many recorded exchanges with Wazo the in-memory Wazo answers in the same way.
	go test $(TAGS) -race -parallel 4 -timeout 10m ./...
	@go test $(TAGS) -race -run '^TestContract' -v ./wazoapi/wazotest | grep '^contract:'

POSTGRES := go run ./internal/postgrestest/run
test-postgres: ## Runs the tests that use the database on a PostgreSQL server, which it starts from the package postgresql, and three tests of the whole program.
	$(POSTGRES) go test $(TAGS) -count=1 -parallel 4 -timeout 20m ./db ./relay ./bot/... ./internal/app
	cd e2e && E2E_DATABASE=postgres go test $(TAGS) -count=1 -timeout 20m -run '^(TestPostgres|TestStandby|TestFrozen|TestRestartOfTheRelay|TestSnapshotIsBroughtBack$$|TestInvite)' ./cases

# Go does not know that these tests build and run the whole program, so it would reuse a result (-count=1).
test-e2e: ## Runs the tests of the whole program on a real homeserver, and prints what the catch-up test and the chaos test measured.
	cd e2e && go test $(TAGS) -count=1 -race -timeout 30m $$(go list $(TAGS) ./... | grep -v -e e2e/browser$$ -e e2e/catchup$$ -e e2e/chaos$$)
	cd e2e && go test $(TAGS) -count=1 -v -timeout 20m ./catchup | grep -E '^(catchup:|--- |FAIL|ok|panic)'
	cd e2e && go test $(TAGS) -count=1 -v -timeout 20m ./chaos | grep -E '^(chaos:|--- |FAIL|ok|panic|    )'

browser: ## Tests the log-in page in Chromium, with axe-core. SCREENSHOTS=/tmp/login keeps pictures of the page there.
	cd e2e && SCREENSHOTS='$(abspath $(SCREENSHOTS))' go test $(TAGS) -count=1 -timeout 20m ./browser

# The virtual environment is made anew when the versions change.
SYNAPSE := e2e/bin/synapse
$(SYNAPSE)/installed: e2e/synapse/requirements.txt
	python3 -m venv --clear $(SYNAPSE)
	$(SYNAPSE)/bin/pip install --quiet --disable-pip-version-check --only-binary :all: -r $<
	touch $@

e2e-synapse: $(SYNAPSE)/installed ## Runs the tests of the whole program on Synapse, with its database on PostgreSQL, and two short chaos runs. The first run installs Synapse. It needs Python 3.11 or newer, and the package postgresql.
	cd e2e && E2E_HOMESERVER=synapse go test $(TAGS) -count=1 -timeout 20m ./harness ./setup
	cd e2e && E2E_HOMESERVER=synapse E2E_DATABASE=postgres go test $(TAGS) -count=1 -timeout 30m ./cases
	cd e2e && E2E_HOMESERVER=synapse go run $(TAGS) ./cmd/chaos -messages 300 -kills 6 -seed 1 -plain
	cd e2e && E2E_HOMESERVER=synapse go run $(TAGS) ./cmd/chaos -messages 300 -kills 6 -seed 1 -restores -1

lint: ## Checks the formatting, the code of both modules, the documentation, and the dependencies for known vulnerabilities.
	$(LINT) run ./...
	cd e2e && $(LINT) run --config ../.golangci.yml ./...
	go run $(TAGS) ./internal/doclint
	@.ci/govulncheck $(VULN)

packaging: ## Checks the image's program, the Dockerfile, the Compose files and the unit for systemd, as far as the tools for that are installed.
	@.ci/packaging $(COMPOSE)

bench: ## Measures how fast the relay is and what it costs, against a bare client. It takes some minutes. BENCH_FLAGS="-rooms 1 -bursts 1" is a short run, and BENCH_FLAGS="-other path" measures another relay, too.
	cd e2e && go run $(TAGS) ./cmd/bench $(BENCH_FLAGS)

divide: ## Simulates how many bot accounts a company needs where the homeserver limits each of them.
	cd e2e && go run $(TAGS) ./cmd/divide $(DIVIDE_FLAGS)

plots: ## Draws the charts of docs/performance.md from the figures in docs/performance.
	cd e2e && go run $(TAGS) ./cmd/plots

limits: ## Measures how fast 200 messages are shown by a homeserver with Synapse's default limits, in one room and in five. It takes three minutes.
	cd e2e && go run $(TAGS) ./cmd/limits

accounts: ## Measures a relay with 200 log-ins and 1,000 conversations on a stub homeserver. It takes two minutes.
	cd e2e && go run $(TAGS) ./cmd/accounts $(ACCOUNTS_FLAGS)

scale: ## Measures how the costs grow from 10 to 10,000 conversations on a stub homeserver. It takes ten minutes. SCALE_FLAGS="-portals 10,100" is a short run.
	cd e2e && go run $(TAGS) ./cmd/scale $(SCALE_FLAGS)

chaos: ## Relays 20,000 messages while the relay is killed and the network and both servers fail, which takes long. CHAOS_FLAGS="-messages 300 -kills 6" is a short run.
	cd e2e && go run $(TAGS) ./cmd/chaos -messages 20000 -kills 200 $(CHAOS_FLAGS)

standby: ## Relays 300 messages through two relays on one PostgreSQL database, while the active one is killed, frozen and cut off. It takes some minutes. STANDBY_FLAGS="-messages 2000 -blows 100" is a long run.
	cd e2e && go run $(TAGS) ./cmd/standby $(STANDBY_FLAGS)

FUZZTIME := 100000x
# A number of runs, because a duration makes "go test" fail now and then at its end: https://go.dev/issue/75804.
fuzz: ## Runs each fuzz test FUZZTIME times (100000x). FUZZTIME=2000x is a short run.
	@for dir in $$(grep -rl --include='*_test.go' 'func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -ho 'func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6- | sort -u); do \
			echo "$$dir $$target"; go test $(TAGS) -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x $$dir || exit 1; \
		done; \
	done
