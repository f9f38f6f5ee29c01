#!/usr/bin/env bash
# Reads the Dockerfiles with hadolint and the scripts with shellcheck, both pinned by content in linters.txt and kept under .tools.
# A planted sudo must be found too, so that a linter which reads nothing does not pass.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=.tools/deploy
if ! cmp -s deploy/linters.txt "$tools/linters.txt"; then
  rm -rf "$tools"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
    --target "$tools" --requirement deploy/linters.txt
  cp deploy/linters.txt "$tools/"
fi
"$tools/bin/shellcheck" deploy/*.sh deploy/kubernetes/*.sh deploy/monitoring/*.sh deploy/gpu/*.sh models/native/*.sh models/export/*.sh bench/*.sh kernels/tools/*.sh server/web/browser/*.sh
"$tools/bin/hadolint" Dockerfile Dockerfile.cuda
found=$(sed 's/^RUN /RUN sudo /' Dockerfile | "$tools/bin/hadolint" - || true)
grep -q DL3004 <<<"$found" || { echo "deploy/lint.sh: hadolint does not find a planted sudo: $found" >&2; exit 1; }
