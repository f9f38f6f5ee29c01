#!/usr/bin/env bash
# Builds .runtime/lib/libtokenizers.a of the checkout with cargo, from the sources of github.com/daulet/tokenizers in the module
# cache, with Cargo.toml and Cargo.lock of this folder. A library that is there is left alone, and needs no network.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
lib=$root/.runtime/lib
archive=libtokenizers.a
[ ! -f "$lib/$archive" ] || exit 0

say() { printf 'runtime: %s\n' "$*"; }
need() { command -v "$1" >/dev/null || { say "$1 is missing: $2" >&2; exit 1; }; }
need cargo "it builds the tokenizer library"
need go "it locates the tokenizer sources"

say "building the tokenizer library (about a minute)"
mkdir -p "$lib"
cd "$root"
go mod download github.com/daulet/tokenizers
source=$(go list -m -f '{{.Dir}}' github.com/daulet/tokenizers)
build=$(mktemp -d "$root/.runtime/cargo.XXXXXX")
trap 'rm -rf "$build"' EXIT
cp "$here/Cargo.toml" "$here/Cargo.lock" "$build/"
cp -r "$source/src" "$build/src"
chmod -R u+w "$build"
cargo build --quiet --release --locked --manifest-path "$build/Cargo.toml" --target-dir "$build/target"
mv "$build/target/release/$archive" "$lib/$archive"
say "ready in ${lib#"$root"/}"
