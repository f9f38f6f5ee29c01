#!/usr/bin/env bash
# Makes the GPU check's folder and runs it on a machine without a GPU: first as it is, which must fail with the sentence
# that there is no device; then with a driver for tests, so that all its steps are run.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=bin/gpu-check
deploy/gpu/folder.sh "$folder"
said=$("$folder/check.py" 2>&1) && { echo "deploy/gpu/rehearse.sh: the check passes without a GPU" >&2; exit 1; }
printf '%s\n' "$said"
grep -q '^gpu-check: this machine has no GPU that its driver can use: the driver cannot be loaded' <<<"$said"
driver=$(mktemp -d)
trap 'rm -rf "$driver"' EXIT
cp .cuda/build/fake/libcuda.so.1 "$driver/"
python3 kernels/fakecuda/runtime/stubs.py "$(python3 kernels/tools/toolchain.py provider)" "$driver/runtime" >/dev/null
cp "$driver"/runtime/libcu{dart,blas}.so.13 .cuda/build/fake/libcublasLt.so.13 "$driver/"
LD_LIBRARY_PATH=$driver "$folder/check.py" --rehearse
