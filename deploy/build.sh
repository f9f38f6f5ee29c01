#!/usr/bin/env bash
# Builds in bin/image what an image holds beside the wheels' libraries: the server, and the licences of what is linked into it.
# Usage: deploy/build.sh [gpu]; with gpu the server launches our kernels too, and asks for the driver, libcuda.so.1, to start.
set -euo pipefail
cd "$(dirname "$0")/.."
image=bin/image
rm -rf "$image"
mkdir -p "$image"

tags=${1:-}
case $tags in
  "") ;;
  gpu) eval "$(kernels/tools/test-cuda.sh env)" ;; # CGO_CFLAGS and CGO_LDFLAGS, for the driver's headers and a stub of it
  *) echo "deploy/build.sh: $tags is no kind of build; gpu is" >&2; exit 2 ;;
esac
models/native/headers.sh
go build -trimpath -tags "$tags" -o "$image/assay" .
deploy/licenses.sh "$image/licenses" "$tags"
