#!/usr/bin/env bash
# Makes the folder that checks a machine with an NVIDIA GPU; neither Go nor Docker is needed there, only Python 3.9 and
# the driver. In it: the tests of the CUDA backend, of head graphs on it and of ONNX Runtime's attention, the server,
# bundles, of which the layers of an 8B model are without their weights (deploy/gpu/drawn.py draws them there), and ONNX
# Runtime with CUDA and cuDNN if make runtime-cuda has put them into the checkout; or else what fetches them. check.py
# runs it.
# Usage: deploy/gpu/folder.sh [FOLDER [BUNDLE...]]; without FOLDER bin/gpu-check. The largest bundle is the one whose speed is measured;
# a folder named checkpoint beside it is the same model for PyTorch.
#
# PIECES=48: for a machine that takes no large files, ONNX Runtime and its CUDA provider are there in pieces of so many
# MiB. CUDA and cuDNN must then come from the machine, as from the packages that PyTorch brings.
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=${1:-bin/gpu-check}
shift || true
bundles=("$@" models/testdata/bundles/qwen3-{reward-packed,reward-packed-float16,process-packed,reward-padded} models/testdata/heads/mlp-{packed,padded}
  models/testdata/fused/{qwen2-float16,qwen2-assay-float16,qwen3-assay-bfloat16,qwen3-assay-float16-int8,bert-float16,bert-assay-float16,modernbert-float16})

[ -f .cuda/build/device.test ] || kernels/tools/test-cuda.sh
rm -rf "$folder"
mkdir -p "$folder"/{bundles,models/native,kernels/graphs,.runtime/lib}
eval "$(kernels/tools/test-cuda.sh env)"
go build -trimpath -tags gpu -o "$folder/assay" .
go test -trimpath -tags gpu -c -o "$folder/kernels/graphs/graphs.test" ./kernels/graphs
go test -trimpath -tags gpu -c -o "$folder/onnxrun.test" ./models/onnxrun
cp -r kernels/graphs/testdata "$folder/kernels/graphs/" # the test looks for both from where it runs, up to the folder with a go.mod
cp go.mod "$folder/"
cp .runtime/lib/libonnxruntime.so.1.27.0 "$folder/.runtime/lib/"
cp .cuda/build/device.test deploy/gpu/*.py "$folder/"
cp -r deploy/gpu/graphs/{attention,layers} "$folder/"
cp models/native/{wheels.py,cuda.txt} "$folder/models/native/"
git describe --always --dirty >"$folder/commit"
for bundle in "${bundles[@]}"; do
  cp -rL "$bundle" "$folder/bundles/"
  checkpoint=$(dirname "$bundle")/checkpoint
  [ ! -d "$checkpoint" ] || cp -rL "$checkpoint" "$folder/"
done
if [ -n "${PIECES:-}" ]; then
  models/native/wheels.py cuda
  mkdir "$folder/pieces"
  tar --create --gzip --directory .runtime/cuda libonnxruntime.so.1.27.0 libonnxruntime_providers_{cuda,shared}.so licenses |
    split --bytes "${PIECES}M" --numeric-suffixes - "$folder/pieces/onnxruntime.tar.gz."
elif [ -d .runtime/cuda ]; then
  cp -rl "$(realpath .runtime/cuda)" "$folder/.runtime/cuda"
fi
du -sh "$folder"
