#!/usr/bin/env bash
# Makes lock.txt again, whole and by content; needs uv. What models/export/lock.txt and clients/trainers.txt have is
# not in it a second time: the environment is laid over theirs.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t there < <(sed -n 's/^\([a-z0-9_.-]*\)==.*/--no-emit-package=\1/p' models/export/lock.txt clients/trainers.txt)
uv pip compile examples/lock.in --generate-hashes --no-annotate --no-header --python-version 3.11 --python-platform linux --quiet \
  --constraint models/export/lock.txt --constraint clients/trainers.txt --override models/export/lock-without.txt "${there[@]}" \
  --output-file examples/lock.txt
