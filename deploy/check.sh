#!/usr/bin/env bash
# Holds the Dockerfiles to what they promise, on a machine without Docker: their lines are followed, and what they lay out is started
# in a root of its own. Needs root (chroot, network namespace), Debian bookworm, and what builds the server.
# Disk: 2.3 GB under .runtime/cuda, which stay, and 1 GB that goes at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .runtime
scratch=$(mktemp -d "$PWD/.runtime/check.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'deploy/check.sh: %s\n' "$*" >&2; exit 1; }

# missing IMAGE: the first shared library that each file of the image needs, itself or through another, and the image lacks, by the
# image's own loader.
missing() {
  local file search said
  search=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["env"].get("LD_LIBRARY_PATH", ""))' "$1/image.json")
  for file in "$1"/image/opt/assay/{assay,lib*}; do
    file=/opt/assay/${file##*/}
    if ! said=$(LD_LIBRARY_PATH=$search chroot "$1/image" /lib64/ld-linux-x86-64.so.2 --list "$file" 2>&1); then
      grep -o 'lib[^ :]*: cannot open shared object file' <<<"$said" || fail "$file: $said"
    elif ! grep -q 'libc\.so\.6 => /' <<<"$said"; then
      fail "the loader does not say what $file needs: $said"
    fi
  done | cut -d: -f1 | sort -u
}

# contents IMAGE: nothing is in it that does not belong there, and the server's user can read all of it.
contents() {
  local wrong
  wrong=$(find "$1/image/opt" \( -name 'libcuda.so*' -o -name '*.a' -o -name '*.h' -o -name '*.go' -o -name '*.whl' -o -name '*.part' \))
  [ -z "$wrong" ] || fail "an image would hold what only its build needs: $wrong"
  wrong=$(find "$1/image/opt" ! -type d ! -perm -o=r -o -type d ! -perm -o=rx -o -perm /o=w ! -type l)
  [ -z "$wrong" ] || fail "another user than root cannot read, or may change: $wrong"
  wrong=$(find "$1/image/opt" -type f -perm /111 ! -path '*/opt/assay/assay')
  [ -z "$wrong" ] || fail "an image would hold programs beside the server: $wrong"
  [ -s "$1/image/opt/assay/licenses/assay/LICENSE" ] || fail "our licence is not in the image"
  say "$(du -sh "$1/image/opt" | cut -f1) in /opt, $(find "$1/image/opt/assay/licenses" -type f | wc -l) licence files"
}

follow() { python3 deploy/stages.py "$1" . "$2"; }
start() { unshare --net --mount --pid --fork --kill-child python3 deploy/container.py "$@"; }

say "linters"
deploy/lint.sh

mkdir "$scratch/cpu" "$scratch/cuda"
deploy/base.sh "$scratch/cpu/image" "$scratch/cuda/image"

say "Dockerfile"
follow Dockerfile "$scratch/cpu"
contents "$scratch/cpu"
got=$(missing "$scratch/cpu")
[ -z "$got" ] || fail "the image lacks $got"
start "$scratch/cpu"

say "Dockerfile.cuda"
models/native/wheels.py cuda
follow Dockerfile.cuda "$scratch/cuda"
contents "$scratch/cuda"
got=$(missing "$scratch/cuda")
[ "$got" = libcuda.so.1 ] || fail "the image should lack the driver, libcuda.so.1, and nothing else, and lacks: ${got:-nothing}"
start "$scratch/cuda" libcuda.so.1
say "the same image, with a driver for tests where a container runtime mounts the real one"
driver=.cuda/build/fake/libcuda.so.1
[ -f "$driver" ] || kernels/tools/test-cuda.sh
cp "$driver" "$scratch/cuda/image/usr/lib/x86_64-linux-gnu/libcuda.so.1"
got=$(missing "$scratch/cuda")
[ -z "$got" ] || fail "with the driver the image still lacks $got"
start "$scratch/cuda"

say "the folder that checks a GPU"
deploy/gpu/rehearse.sh

say "the context"
# What git ignores must stay out of it.
python3 - "$scratch/cpu/context" <<'PY'
import os, subprocess, sys
known = set(subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], capture_output=True, check=True, text=True).stdout.split("\0"))
context = sys.argv[1]
files = {os.path.relpath(os.path.join(folder, name), context) for folder, _, names in os.walk(context) for name in names}
stray = sorted(file for file in files - known if not file.startswith(".git/"))
if stray:
    sys.exit(f"deploy/check.sh: git ignores {stray[:5]}, and .dockerignore does not")
PY
