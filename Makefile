# make serve: everything that is needed, then the server. make test: everything that is promised, checked.
SHELL := /bin/bash
.DEFAULT_GOAL := build
GO_SOURCES := $(shell find . -name '*.go' -not -path './.*')
RUNTIME := .runtime/lib/libonnxruntime.so.1.27.0 .runtime/lib/libtokenizers.a .runtime/include/onnxruntime_c_api.h
GOLANGCI := .tools/golangci-lint
VENV := .venv/bin/python

.PHONY: build serve test fuzz lint runtime runtime-cuda smoke deploy ptx ptx-check test-cuda gpu-folder gpu-check parity builtin fixtures large bench abuse clean

build: bin/assay

bin/assay: $(RUNTIME) $(GO_SOURCES) go.mod go.sum
	go build -o $@ .

serve: bin/assay
	bin/assay serve

test: $(RUNTIME)
	go test -race -shuffle=on ./...
	$(MAKE) --no-print-directory test-cuda

runtime: $(RUNTIME)

$(RUNTIME) &:
	models/native/install.sh
	@touch $(RUNTIME)

# ONNX Runtime with its CUDA provider, CUDA 13 and cuDNN 9 under .runtime/cuda: 1.5 GB to fetch, 2.3 GB of disk.
runtime-cuda:
	models/native/wheels.py cuda

# make fuzz FUZZTIME=500000x: every fuzz target that many times. A count, since a run that the clock ends may report the clock as
# a failure; and little minimizing, since minimizing the first long seed for a minute leaves no time for any other input.
FUZZTIME ?= 20000x
fuzz: $(RUNTIME)
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z]*' . | sed 's#/[^/]*_test.go:func # #' | while read -r dir target; do \
	  echo "$$dir $$target"; go test $$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x || exit 1; done

lint: $(RUNTIME) $(GOLANGCI)
	$(GOLANGCI) run ./...
	eval "$$(kernels/tools/test-cuda.sh env)" && $(GOLANGCI) run --build-tags gpu ./...
	go mod tidy -diff

$(GOLANGCI):
	GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

smoke: bin/assay
	.ci/smoke.sh

# The Dockerfiles, followed without Docker; needs root and Debian bookworm.
deploy: $(RUNTIME)
	deploy/check.sh

# The kernels' PTX, made from kernels/cuda without a GPU; the same bytes each time.
ptx:
	python3 kernels/tools/ptx.py

ptx-check:
	python3 kernels/tools/ptx.py --check

# The CUDA backend against a driver that runs the kernels on the CPU.
test-cuda: $(RUNTIME)
	kernels/tools/test-cuda.sh
	eval "$$(kernels/tools/test-cuda.sh env)" && LD_LIBRARY_PATH=$(CURDIR)/.cuda/build/fake FAKECUDA_SHARED=1 go test -tags gpu -race -run GPU ./models ./models/onnxrun

# Everything on this machine's GPU; without one it fails. gpu-folder makes the folder that does it elsewhere.
gpu-folder: $(RUNTIME)
	deploy/gpu/folder.sh

gpu-check: gpu-folder
	bin/gpu-check/check.py

# What follows needs torch, which goes into .venv.
PIP := .venv/bin/pip install --quiet --disable-pip-version-check

$(VENV): models/export/requirements.txt models/export/pyproject.toml
	python3 -m venv .venv
	$(PIP) --requirement models/export/requirements.txt pytest==9.2.0
	$(PIP) --no-deps --editable models/export
	@touch $@

# The exporter against PyTorch, every family against its authors' code, four real tokenizers and their templates against Python's.
parity: $(VENV) bin/assay
	$(VENV) -m pytest models/export
	cd models/export && ../../$(VENV) -m parity
	cd models/export && ../../$(VENV) -m realtok ../../.tokenizers
	ASSAY_PARITY_DIR=$(CURDIR)/.tokenizers go test -tags parity -run RealTokenizers -v ./models

# The committed fixtures and docs/MODELS.md, made afresh.
fixtures: $(VENV) bin/assay
	$(VENV) -m assay_export.fixtures models/testdata/bundles
	cd models/export && ../../$(VENV) -m parity --fixtures ../testdata/families --docs ../../docs/MODELS.md
	$(VENV) models/testdata/heads/make.py
	models/export/optimum/make.sh models/testdata/optimum
	$(VENV) kernels/graphs/testdata/make.py

# A model of a billion parameters, from checkpoint to answer, within 20 GiB: 10 GB of disk, about 15 minutes.
large: $(VENV) bin/assay
	cd models/export && ../../$(VENV) -m parity.large ../../.large

builtin: $(VENV)
	cd models/builtin && ../../$(VENV) -m train

bench: bin/assay $(VENV)
	bench/run.sh -short

# What no honest client sends, against the real binary; make abuse ABUSE=-short is what CI runs.
abuse: bin/assay
	go run ./abuse $(ABUSE)

clean:
	rm -rf bin
