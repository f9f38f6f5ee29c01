#!/usr/bin/env bash
# Makes .venv-examples of the checkout: the packages of lock.txt and callers.txt by hash, laid over the trainers' of
# clients and over the exporter's, which have TRL, torch and transformers, and must be there. Its own packages lie in
# the user's cache, as theirs do.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
# shellcheck source=models/native/need.sh
. "$root/models/native/need.sh"
need_pip
beside() { cat "$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/assay.pth"; }
exporter=$(beside "$root/.venv" | head -1)

made_of=$({ cat "$here/lock.txt" "$here/callers.txt"; python3 -VV; uname -m; } | sha256sum | cut -c1-16)
made=${XDG_CACHE_HOME:-$HOME/.cache}/assay/examples-$made_of
packages=$made/site-packages
mkdir -p "${made%/*}"
exec 9>"$made.lock"
flock 9
if [ ! -f "$packages/complete" ]; then
  echo "venv: installing verl's and OpenRLHF's reward code and what draws plots in $packages (0.1 GB)"
  rm -rf "$made"
  mkdir -p "$packages"
  # One package has no wheel: it is built by the exporter's setuptools.
  TMPDIR=$packages PYTHONPATH=$exporter python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-cache-dir \
    --no-deps --only-binary :all: --no-binary antlr4-python3-runtime --no-build-isolation --use-pep517 \
    --require-hashes --requirement "$here/lock.txt" --requirement "$here/callers.txt" --target "$packages"
  touch "$packages/complete"
fi

rm -rf "$root/.venv-examples"
python3 -m venv --without-pip "$root/.venv-examples"
{ echo "$packages"; beside "$root/clients/.venv-trainers"; } >"$("$root/.venv-examples/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/assay.pth"
cat "$here/lock.txt" "$here/callers.txt" >"$root/.venv-examples/lock.txt"
