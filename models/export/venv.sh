#!/usr/bin/env bash
# Makes .venv of the checkout: Python with the exporter of the checkout and the packages of lock.txt, by hash, torch for processors alone.
# The packages (1.5 GB, a minute or two) lie in the user's cache, named by what they were made from, so checkouts share them and a second
# .venv needs no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# shellcheck source=models/native/need.sh
. "$root/models/native/need.sh"
need_pip
need gcc 11 "it stands in for the CUDA libraries that torch asks for"

made_of=$({ cat "$here/lock.txt" "$here/torch_cpu.py"; python3 -VV; uname -m; } | sha256sum | cut -c1-16)
packages=${XDG_CACHE_HOME:-$HOME/.cache}/assay/python-$made_of
mkdir -p "${packages%/*}"
exec 9>"$packages.lock"
flock 9
if [ ! -f "$packages/complete" ]; then
  echo "venv: installing torch, transformers and what tests them in $packages (1.5 GB)"
  rm -rf "$packages"
  mkdir "$packages"
  TMPDIR=$packages python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --no-cache-dir \
    --no-deps --only-binary :all: --require-hashes --requirement "$here/lock.txt" --target "$packages"
  python3 "$here/torch_cpu.py" "$packages"
  touch "$packages/complete"
fi

rm -rf "$root/.venv"
python3 -m venv "$root/.venv"
printf '%s\n' "$packages" "$here" >"$("$root/.venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/assay.pth"
cp "$here/lock.txt" "$root/.venv/lock.txt"
