#!/usr/bin/env bash
# Puts what Assay links and loads under .runtime of the checkout:
#   lib/libonnxruntime.so.1.27.0     out of the pinned wheel (hash checked)
#   lib/libtokenizers.a              built by cargo
#   include/onnxruntime_c_api.h      out of the module cache
# What is already there is left alone, so a second run needs no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || { echo "runtime: python3 is missing: it fetches the ONNX Runtime wheel" >&2; exit 1; }
python3 "$here/wheels.py" onnxruntime
"$here/tokenizers.sh"
"$here/headers.sh"
