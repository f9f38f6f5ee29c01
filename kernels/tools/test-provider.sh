#!/usr/bin/env bash
# Opens graphs in ONNX Runtime's real CUDA provider without a GPU: its CUDA libraries are made of what it asks of them
# (kernels/fakecuda/runtime), compute nothing, and tell what they were asked for. The tests hold each graph to the
# nodes, copies, kernels and products that models/testdata/provider/graphs.txt has for it.
#   test-provider.sh            everything; needs g++ and binutils, and the network once, for 220 MB of ONNX Runtime
#   test-provider.sh update     writes graphs.txt anew instead, for a change that is meant to change it
set -euo pipefail
tools=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$(dirname "$tools")")
build=$root/.cuda/build/provider
die() { printf 'provider: %s\n' "$*" >&2; exit 1; }

update=
case ${1:-} in
  '') ;;
  update) update=-update ;;
  *) die "it takes nothing, or update" ;;
esac
[ "$(uname -m)" = x86_64 ] || die "ONNX Runtime's CUDA provider is pinned for x86-64, and this machine is $(uname -m)"
provider=$(python3 "$tools/toolchain.py" provider)
rm -rf "$build"
python3 "$root/kernels/fakecuda/runtime/stubs.py" "$provider" "$build"

cd "$root"
library=$(dirname "$provider")/libonnxruntime.so.1.27.0
export ASSAY_PROVIDER=$provider ASSAY_FAKE_CUDA=$build FAKECUDA_TRACE=$build/trace.txt LD_LIBRARY_PATH=$build
go test -race -count=1 -tags provider -run Provider ./models ${update:+"$update"}

# A device that computes wrongly, as this one does, must not serve: the start ends with what the proof found, or with
# the golden pair that differs.
go build -o "$build/assay" .
if said=$(timeout 300 "$build/assay" serve --device cuda --onnxruntime "$library" --listen 127.0.0.1:0 --bundle models/testdata/bundles/qwen3-reward-packed 2>&1); then
  die "a device that computes nothing is served from"
fi
grep -Eq '^assay: .*(the output of a probe|is not what its bundle says|not finite)' <<<"$said" || die "the start on a device that computes nothing ends otherwise: $said"
