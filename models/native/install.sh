#!/usr/bin/env bash
# Puts the two native libraries that Assay links and loads under .runtime/lib of the checkout:
#   libonnxruntime.so.1.27.0  out of the pinned PyPI wheel (hash checked)
#   libtokenizers.a           built by cargo from the sources of github.com/daulet/tokenizers
# What is already there is left alone, so a second run needs no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
lib=$root/.runtime/lib
mkdir -p "$lib"

say() { printf 'runtime: %s\n' "$*"; }
need() { command -v "$1" >/dev/null || { say "$1 is missing: $2" >&2; exit 1; }; }

runtime=libonnxruntime.so.1.27.0
if [ ! -f "$lib/$runtime" ]; then
  need python3 "it fetches the ONNX Runtime wheel"
  work=$(mktemp -d "$root/.runtime/wheel.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "fetching ONNX Runtime 1.27.0"
  machine=$(uname -m)
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.12 --platform "manylinux_2_27_$machine" --platform "manylinux_2_28_$machine" \
    --dest "$work" --requirement "$here/onnxruntime.txt"
  python3 - "$work" "$lib/$runtime" <<'PY'
import glob, os, sys, zipfile
work, target = sys.argv[1:]
(wheel,) = glob.glob(os.path.join(work, "*.whl"))
with zipfile.ZipFile(wheel) as z, open(target + ".part", "wb") as out:
    out.write(z.read("onnxruntime/capi/" + os.path.basename(target)))
os.rename(target + ".part", target)
PY
  rm -rf "$work"
fi

archive=libtokenizers.a
if [ ! -f "$lib/$archive" ]; then
  need cargo "it builds the tokenizer library"
  need go "it locates the tokenizer sources"
  say "building the tokenizer library (about a minute)"
  source=$(cd "$root" && go mod download -json github.com/daulet/tokenizers | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])')
  build=$(mktemp -d "$root/.runtime/cargo.XXXXXX")
  trap 'rm -rf "$build"' EXIT
  cp "$here/Cargo.toml" "$here/Cargo.lock" "$build/"
  cp -r "$source/src" "$build/src"
  chmod -R u+w "$build"
  cargo build --quiet --release --locked --manifest-path "$build/Cargo.toml" --target-dir "$build/target"
  mv "$build/target/release/$archive" "$lib/$archive"
  rm -rf "$build"
fi
say "ready in ${lib#"$root"/}"
