# make serve: everything that is needed, then the server. make test: everything that is promised, checked.
SHELL := /bin/bash
.DEFAULT_GOAL := build
GO_SOURCES := $(shell find . -name '*.go' -not -path './.*')
RUNTIME := .runtime/lib/libonnxruntime.so.1.27.0 .runtime/lib/libtokenizers.a
GOLANGCI := .tools/golangci-lint
VENV := .venv/bin/python

.PHONY: build serve test fuzz lint runtime parity builtin fixtures bench clean

build: bin/assay

bin/assay: $(RUNTIME) $(GO_SOURCES) go.mod go.sum
	go build -o $@ .

serve: bin/assay
	bin/assay serve

test: $(RUNTIME)
	go test -race -shuffle=on ./...

runtime: $(RUNTIME)

$(RUNTIME) &:
	models/native/install.sh
	@touch $(RUNTIME)

# make fuzz FUZZTIME=30s: every fuzz target for that long.
FUZZTIME ?= 10s
fuzz: $(RUNTIME)
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z]*' . | sed 's#/[^/]*_test.go:func # #' | while read -r dir target; do \
	  echo "$$dir $$target"; go test $$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; done

lint: $(RUNTIME) $(GOLANGCI)
	$(GOLANGCI) run ./...
	go mod tidy -diff

$(GOLANGCI):
	GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

$(VENV): models/export/requirements.txt
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement models/export/requirements.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --editable models/export
	@touch $@

clean:
	rm -rf bin
