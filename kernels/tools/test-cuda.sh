#!/usr/bin/env bash
# Tests the CUDA backend without a GPU: builds it against the driver's pinned headers, and runs it on the fake driver,
# whose device runs the kernels' own sources on the CPU. What is built stays under .cuda of the checkout, device.test
# for a machine with a GPU among it.
#   test-cuda.sh        everything; needs g++, and the network once, for 3.5 MB of headers
#   test-cuda.sh env    prints the CGO variables with which go build, go vet and golangci-lint take -tags gpu
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
kernels=$(dirname "$tools")
root=$(dirname "$kernels")
build=$root/.cuda/build
say() { printf 'cuda: %s\n' "$*"; }
die() { say "$*" >&2; exit 1; }

headers=$(python3 "$tools/toolchain.py" headers)
mkdir -p "$build/stub" "$build/fake"

# The stub links; it is never what a program runs with.
python3 "$kernels/fakecuda/stub.py" "$headers/cuda.h" "$build/stub.c"
gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$build/stub/libcuda.so.1" "$build/stub.c"
ln -sf libcuda.so.1 "$build/stub/libcuda.so"
export CGO_CFLAGS="-O2 -I$headers" CGO_LDFLAGS="-L$build/stub"
if [ "${1:-}" = env ]; then
  printf 'export CGO_CFLAGS=%q CGO_LDFLAGS=%q\n' "$CGO_CFLAGS" "$CGO_LDFLAGS"
  exit
fi

# fake FOLDER SOURCES: the fake driver, with the kernels of a folder.
fake() {
  g++ -std=c++17 -O2 -Wall -fPIC -shared -Wl,-soname,libcuda.so.1 -I "$2" -o "$1/libcuda.so.1" "$kernels/fakecuda/driver.cpp" "$build/stub.o"
}
gcc -O2 -fPIC -c -o "$build/stub.o" "$build/stub.c"
fake "$build/fake" "$kernels/cuda"
g++ -std=c++17 -O2 -Wall -ffp-contract=off -fPIC -shared -o "$build/fake/libcublasLt.so.13" "$kernels/fakecuda/blaslt.cpp"

cd "$root"
say "building kernels/device and its tests"
go vet -tags gpu ./kernels/device
go test -tags gpu -race -c -o "$build/device-race.test" ./kernels/device
go test -tags gpu -c -o "$build/device.test" ./kernels/device

# The tag is not cuda, which is gorgonia's own and wants cuDNN 8 and cuBLAS 12.
say "building kernels/graphs and its test on the device"
go vet -tags gpu ./kernels/graphs
go test -tags gpu -race -c -o "$build/graphs-race.test" ./kernels/graphs

cd "$kernels/device"
for seed in 0 1 2; do
  say "seed $seed, with the race detector"
  FAKECUDA_SEED=$seed LD_LIBRARY_PATH=$build/fake "$build/device-race.test" -test.v | grep -E 'worst error|FAIL|SKIP|_test.go|^PASS' || die "seed $seed: a test fails"
done
say "head graphs on the device, with the race detector"
(cd "$kernels/graphs" && LD_LIBRARY_PATH=$build/fake "$build/graphs-race.test" -test.v -test.run Device) |
  grep -E 'worst difference|FAIL|_test.go|^PASS' || die "a head differs"
say "the measurements run (on the fake device they mean nothing)"
LD_LIBRARY_PATH=$build/fake "$build/device.test" -test.run '^$' -test.bench . -test.benchtime 2x | grep -E 'Benchmark|PASS' || die "a benchmark fails"

say "ASSAY_REQUIRE_GPU=1 must refuse the fake device"
refusal=$(ASSAY_REQUIRE_GPU=1 LD_LIBRARY_PATH=$build/fake "$build/device.test" -test.run Concurrent 2>&1) && die "it is taken for a GPU"
grep -q 'the device is the fake one' <<<"$refusal" || die "it fails otherwise: $refusal"

# Kernels with a bug must fail here too: the tests of the backend and of the head graphs see what the kernels compute.
# plant FOLDER RIGHT WRONG: the fake driver, with a bug in head.cu where it says what is right.
plant() {
  rm -rf "$1"
  mkdir -p "$1/cuda" "$1/fake"
  cp "$kernels"/cuda/*.cu "$kernels"/cuda/*.cuh "$kernels"/cuda/*.hpp "$1/cuda/"
  python3 - "$1/cuda/head.cu" "$2" "$3" <<'PY'
import sys
from pathlib import Path
source, right, wrong = Path(sys.argv[1]), *sys.argv[2:]
text = source.read_text(encoding="utf-8")
if text.count(right) != 1:
    sys.exit(f"head.cu says {right} {text.count(right)} times, and must say it once")
source.write_text(text.replace(right, wrong), encoding="utf-8")
PY
  fake "$1/fake" "$1/cuda"
}
say "a head without its barrier must fail"
plant "$build/barrier" '__syncthreads();' ''
failure=$(LD_LIBRARY_PATH=$build/barrier/fake "$build/device.test" -test.run 'Kernels/head' 2>&1) && die "it passes"
grep -q -- '--- FAIL: TestKernels/head/shapes' <<<"$failure" || die "it fails otherwise: $failure"
say "a head without its activation must fail"
plant "$build/activation" 'return tanhf(x);' 'return x;'
failure=$(cd "$kernels/graphs" && LD_LIBRARY_PATH=$build/activation/fake "$build/graphs-race.test" -test.run Device/heads 2>&1) && die "it passes"
grep -q 'heads/mlp-tanh.onnx, 1 rows: differs from ONNX Runtime' <<<"$failure" || die "it fails otherwise: $failure"
! grep -q 'heads/mlp-relu.onnx' <<<"$failure" || die "heads without that activation fail too: $failure"

say "an algorithm whose sums follow the number of rows in silence must fail"
failure=$(FAKECUDA_BLASLT=untold LD_LIBRARY_PATH=$build/fake "$build/device.test" -test.run Products 2>&1) && die "it passes"
grep -q 'the first of 2 rows has other bits than alone' <<<"$failure" || die "it fails otherwise: $failure"

say "sums of int8 that are rounded must fail"
failure=$(FAKECUDA_BLASLT=rounded LD_LIBRARY_PATH=$build/fake "$build/device.test" -test.run Integers 2>&1) && die "it passes"
grep -q 'row 0 of 1, column .*: the sum is' <<<"$failure" || die "it fails otherwise: $failure"

# The twin under the address and undefined-behaviour sanitizers. The symbol tells that they watch the kernels and not Go
# alone.
say "the twin under the sanitizers"
flags=-fsanitize=address,undefined
(cd "$root" && CGO_CFLAGS=-O1 CGO_CXXFLAGS="-O1 $flags -fno-sanitize-recover=undefined" CGO_LDFLAGS=$flags go test -asan -c -o "$build/twin-asan.test" ./kernels/cuda)
grep -q __sanitizer_start_switch_fiber "$build/twin-asan.test" || die "they do not watch the kernels"
(cd "$kernels/cuda" && ASAN_OPTIONS=detect_leaks=0 "$build/twin-asan.test" -test.run Twin) || die "they found a fault"
say "all of it holds"
