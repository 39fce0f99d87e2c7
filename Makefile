# evenkeel: what a developer types, and what CI runs.
#
#   make test    everything that must hold: format, vet, lint, tidy, race-checked tests
#   make build   the binaries, in bin/
#   make same    decisions compared; make nightly: many more of them, some hours
#   make compare times of this engine and of others on the same rules and facts
#   make bench   the benchmarks behind the figures in README
#   make fuzz    FUZZTIME (default 30s) of each fuzz target

GO         ?= go
FUZZTIME   ?= 30s
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.1.4

# Debian keeps haproxy where a plain user's PATH does not look.
export PATH := $(PATH):/usr/sbin:/usr/local/sbin

.PHONY: test build deps fmt vet tidy lint race same nightly compare bench fuzz vuln clean

test: deps fmt vet tidy lint race same

build:
	$(GO) build -trimpath -o bin/ ./cmd/...

# deps installs what the tests need and the machine has not: the balancer and
# the metrics server they drive, ssh-keygen, which judges our signatures, and a C
# compiler for the race detector.
deps:
	@.ci/deps haproxy:haproxy prometheus:prometheus ssh-keygen:openssh-client gcc:gcc

fmt:
	@out=$$(gofmt -l cmd engine facts knowledge actions audit testdata/rivals); \
	if [ -n "$$out" ]; then echo "gofmt would change:"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet ./...

# same compares decisions: the driver's with those of the evaluator alone and of
# the stock engine, on FACTS generated facts, and REPLAYS made again.
FACTS   ?= 100000
REPLAYS ?= 10000
SWAPS   ?= 10000
same:
	$(GO) test ./engine -timeout 0 -run 'IndexAndFilter|StockEngine|Replays|Swaps' -v \
		-differential $(FACTS) -oracle $(FACTS) -replays $(REPLAYS) -swaps $(SWAPS)

nightly:
	$(MAKE) same FACTS=10000000 REPLAYS=1000000

# compare measures this engine, the stock engine, CLIPS, cel-go and expr, which
# have a module of their own: see testdata/rivals/README.md.
compare:
	@.ci/deps clips:clips
	$(GO) -C testdata/rivals vet .
	$(GO) -C testdata/rivals build -trimpath -o $(CURDIR)/bin/rivals .
	$(GO) test ./engine -timeout 0 -run '^$$' -bench Compare -benchtime 1x -rivals $(CURDIR)/bin/rivals

tidy:
	$(GO) mod tidy -diff

lint:
	$(GO) run $(STATICCHECK) -checks all ./...

# Packages that play a pool in real time have the machine to themselves: what
# starves for seconds is no pool in health.
REALTIME = github.com/evenkeel/evenkeel/cmd/evenkeel|github.com/evenkeel/evenkeel/facts/sim|github.com/evenkeel/evenkeel/actions

race:
	$(GO) test -race -shuffle=on -timeout 20m $$($(GO) list ./... | grep -vxE '$(REALTIME)')
	$(GO) test -race -shuffle=on -timeout 20m -p 1 $$($(GO) list ./... | grep -xE '$(REALTIME)')

bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
	$(GO) run ./cmd/evenkeel-bench

fuzz:
	@set -e; for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

# vuln asks the public vulnerability database, so it needs the internet.
vuln:
	$(GO) run $(GOVULNCHECK) ./...

clean:
	rm -rf bin
