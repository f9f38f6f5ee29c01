#!/usr/bin/env bash
# Makes light.txt and trainers.txt again, each whole and by content; needs uv. What models/export/lock.txt has (torch, transformers) is not
# in trainers.txt a second time: their environment is laid over that one.
set -euo pipefail
cd "$(dirname "$0")/.."
common=(--generate-hashes --no-annotate --no-header --python-version 3.11 --python-platform linux --quiet)
uv pip compile clients/light.in "${common[@]}" --output-file clients/light.txt
mapfile -t there < <(sed -n 's/^\([a-z0-9_.-]*\)==.*/--no-emit-package=\1/p' models/export/lock.txt)
uv pip compile clients/trainers.in clients/light.in "${common[@]}" --constraint models/export/lock.txt \
  --override models/export/lock-without.txt "${there[@]}" --no-emit-package=pip --output-file clients/trainers.txt
