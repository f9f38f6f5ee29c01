#!/usr/bin/env bash
# Makes clients/.venv (venv.sh light) or clients/.venv-trainers (venv.sh trainers): Python with the package of the checkout and what tests it, by
# hash. The packages lie in the user's cache, named by what they were made from, so that checkouts share them. That of the trainers is laid
# over the exporter's, which has torch and transformers.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
kind=$1
# shellcheck source=models/native/need.sh
. "$root/models/native/need.sh"
need_pip

made_of=$({ cat "$here/$kind.txt"; python3 -VV; uname -m; } | sha256sum | cut -c1-16)
made=${XDG_CACHE_HOME:-$HOME/.cache}/assay/clients-$kind-$made_of
packages=$made/site-packages # dill, and so datasets, takes what lies under another name for code of one's own, and copies it whole
mkdir -p "${made%/*}"
exec 9>"$made.lock"
flock 9
if [ ! -f "$packages/complete" ]; then
  echo "venv: installing the packages of clients/$kind.txt in $packages"
  rm -rf "$made"
  mkdir -p "$packages"
  TMPDIR=$packages python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-cache-dir \
    --no-deps --only-binary :all: --require-hashes --requirement "$here/$kind.txt" --target "$packages"
  touch "$packages/complete"
fi
exec 9>&-

venv=$here/.venv
paths=("$packages" "$here/python")
if [ "$kind" = trainers ]; then
  venv=$here/.venv-trainers
  paths+=("$(head -1 "$("$root/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/assay.pth")")
fi
rm -rf "$venv"
python3 -m venv --without-pip "$venv" # the pip and setuptools of light.txt, not those that come with Python
printf '%s\n' "${paths[@]}" >"$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/assay.pth"
cp "$here/$kind.txt" "$venv/lock.txt"
