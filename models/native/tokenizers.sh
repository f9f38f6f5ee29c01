#!/usr/bin/env bash
# Builds .runtime/lib/libtokenizers.a of the checkout with cargo, from src of this folder and the sources of
# github.com/daulet/tokenizers in the module cache, which become its module tokenizers_c. One call of those is wrapped,
# so that a panic in it ends no process. .runtime/tokenizers.txt has what the library was built from: while that has not
# changed the library stays, and no network is needed. The same sources give the same bytes in any
# folder at any time: SOURCE_DATE_EPOCH is what C compilers take for the time.
# tokenizers.sh TARGET builds it for another kind of processor, such as aarch64-unknown-linux-gnu, in a folder of
# .runtime named after that.
set -euo pipefail
target=${1:-}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
runtime=$root/.runtime${target:+/${target%%-*}}
lib=$runtime/lib
archive=libtokenizers.a
stamp=$runtime/tokenizers.txt
module=github.com/daulet/tokenizers

pins=$(cd "$here" && sha256sum Cargo.toml Cargo.lock tokenizers.sh src/*.rs && cd "$root" && grep -hF "$module " go.mod go.sum)
if [ -f "$lib/$archive" ] && [ "$pins" = "$(cat "$stamp" 2>/dev/null)" ]; then
  touch "$stamp"
  exit
fi

cd "$root" # whose go.mod says which Go is run
# shellcheck source=models/native/need.sh
. "$here/need.sh"
need go 1.26 "it locates the sources of the tokenizer library"
need cargo 1.78 "it builds the tokenizer library, whose Cargo.lock is of version 4"
need gcc 11 "it compiles our kernels for processors, and the C in the tokenizer library"
echo "runtime: building the tokenizer library (about a minute)"
mkdir -p "$lib"
go mod download "$module"
source=$(go list -m -f '{{.Dir}}' "$module")
build=$(mktemp -d "$root/.runtime/cargo.XXXXXX")
trap 'rm -rf "$build"' EXIT
cp -r "$here/Cargo.toml" "$here/Cargo.lock" "$here/src" "$build/"
cp "$source/src/lib.rs" "$build/src/tokenizers_c.rs"
chmod -R u+w "$build"
read='Tokenizer::from_bytes(bytes_slice)'
sed -i "s/match $read {/match crate::caught(|| $read) {/" "$build/src/tokenizers_c.rs"
grep -qF "caught(|| $read)" "$build/src/tokenizers_c.rs" || { echo "runtime: the module's sources do not read files as they did" >&2; exit 1; }
SOURCE_DATE_EPOCH=0 RUSTFLAGS="--remap-path-prefix=$build=/build --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
  CFLAGS="-ffile-prefix-map=$build=/build" CXXFLAGS="-ffile-prefix-map=$build=/build" \
  cargo build --quiet --release --locked ${target:+--target "$target"} --manifest-path "$build/Cargo.toml" --target-dir "$build/target"
go clean -testcache # whose results Go keeps by what it compiled, and it does not look into archives
mv "$build/target/${target:+$target/}release/$archive" "$lib/$archive"
printf '%s\n' "$pins" >"$stamp"
echo "runtime: ready in ${lib#"$root"/}"
