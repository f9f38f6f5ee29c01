#!/usr/bin/env bash
# Makes .venv-examples of the checkout: the exporter's Python (.venv: torch for processors alone, transformers), the packages of lock.txt and
# callers.txt by hash, and the checkout's clients/python. The packages (0.6 GB) lie in the user's cache, as the exporter's do.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
# shellcheck source=models/native/need.sh
. "$root/models/native/need.sh"
need_pip

exporters=$(head -1 "$("$root/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/assay.pth")
made_of=$({ cat "$here/lock.txt" "$here/callers.txt"; python3 -VV; uname -m; } | sha256sum | cut -c1-16)
packages=${XDG_CACHE_HOME:-$HOME/.cache}/assay/examples-$made_of
mkdir -p "${packages%/*}"
exec 9>"$packages.lock"
flock 9
if [ ! -f "$packages/complete" ]; then
  echo "venv: installing TRL, verl's and OpenRLHF's reward code and what draws plots in $packages (0.6 GB)"
  rm -rf "$packages"
  mkdir "$packages"
  # One package has no wheel: it is built by the exporter's setuptools.
  TMPDIR=$packages PYTHONPATH=$exporters python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --no-cache-dir \
    --no-deps --only-binary :all: --no-binary antlr4-python3-runtime --no-build-isolation --use-pep517 \
    --require-hashes --requirement "$here/lock.txt" --requirement "$here/callers.txt" --target "$packages"
  touch "$packages/complete"
fi

rm -rf "$root/.venv-examples"
python3 -m venv "$root/.venv-examples"
printf '%s\n' "$packages" "$exporters" "$root/clients/python" \
  >"$("$root/.venv-examples/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/assay.pth"
cat "$here/lock.txt" "$here/callers.txt" >"$root/.venv-examples/lock.txt"
