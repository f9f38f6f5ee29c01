#!/usr/bin/env bash
# Puts ONNX Runtime's C headers under .runtime/include of the checkout, as they lie in github.com/yalue/onnxruntime_go in the module
# cache: what that module and we call through is one table then.
# .runtime/headers.txt has the module that they came out of. While that has not changed they stay, and no network is needed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
include=$root/.runtime/include
stamp=$root/.runtime/headers.txt
module=github.com/yalue/onnxruntime_go
headers=(onnxruntime_c_api.h onnxruntime_ep_c_api.h)

pins=$(cd "$root" && grep -hF "$module " go.mod go.sum)
if [ -f "$include/${headers[0]}" ] && [ -f "$include/${headers[1]}" ] && [ "$pins" = "$(cat "$stamp" 2>/dev/null)" ]; then
  touch "$stamp"
  exit
fi

cd "$root" # whose go.mod says which Go is run
# shellcheck source=models/native/need.sh
. "$here/need.sh"
need go 1.26 "it locates the headers of ONNX Runtime"
go mod download "$module"
source=$(go list -m -f '{{.Dir}}' "$module")
mkdir -p "$include"
for header in "${headers[@]}"; do
  cp "$source/$header" "$include/$header.part"
  chmod 644 "$include/$header.part"
  mv "$include/$header.part" "$include/$header"
done
printf '%s\n' "$pins" >"$stamp"
echo "runtime: ready in ${include#"$root"/}"
