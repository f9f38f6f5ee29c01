#!/usr/bin/env bash
# Puts ONNX Runtime's C headers under .runtime/include of the checkout, as they lie in github.com/yalue/onnxruntime_go in the module
# cache: what that module and we call through is one table then. Headers that are there are left alone, and need no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
include=$root/.runtime/include
[ ! -f "$include/onnxruntime_c_api.h" ] || exit 0

command -v go >/dev/null || { echo "runtime: go is missing: it locates the headers of ONNX Runtime" >&2; exit 1; }
cd "$root"
go mod download github.com/yalue/onnxruntime_go
source=$(go list -m -f '{{.Dir}}' github.com/yalue/onnxruntime_go)
mkdir -p "$include"
for header in onnxruntime_ep_c_api.h onnxruntime_c_api.h; do # the one that is looked for comes last
  cp "$source/$header" "$include/$header.part"
  chmod 644 "$include/$header.part"
  mv "$include/$header.part" "$include/$header"
done
echo "runtime: ready in ${include#"$root"/}"
