#!/usr/bin/env bash
# Makes the bundles with graphs by Optimum's exporter: models/export/optimum/make.sh OUT. Its packages go into .tools/optimum.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
venv=$root/.tools/optimum
if ! cmp --silent "$here/requirements.txt" "$venv/requirements.txt"; then
  python3 -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$venv/requirements.txt"
fi
HF_HUB_OFFLINE=1 OMP_NUM_THREADS=1 "$venv/bin/python" "$here/make.py" "$1"
