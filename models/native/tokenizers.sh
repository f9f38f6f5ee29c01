#!/usr/bin/env bash
# Builds .runtime/lib/libtokenizers.a of the checkout with cargo, from the sources of github.com/daulet/tokenizers in the module
# cache, with Cargo.toml and Cargo.lock of this folder. One call is wrapped, as caught.rs says.
# .runtime/tokenizers.txt has what the library was built from. While that has not changed the library stays, and no network is needed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
lib=$root/.runtime/lib
archive=libtokenizers.a
stamp=$root/.runtime/tokenizers.txt
module=github.com/daulet/tokenizers

pins=$(cd "$here" && sha256sum Cargo.toml Cargo.lock caught.rs && cd "$root" && grep -hF "$module " go.mod go.sum)
if [ -f "$lib/$archive" ] && [ "$pins" = "$(cat "$stamp" 2>/dev/null)" ]; then
  touch "$stamp"
  exit
fi

cd "$root" # whose go.mod says which Go is run
# shellcheck source=models/native/need.sh
. "$here/need.sh"
need go 1.26 "it locates the sources of the tokenizer library"
need cargo 1.78 "it builds the tokenizer library, whose Cargo.lock is of version 4"
need gcc 8 "it compiles the C in the tokenizer library"
echo "runtime: building the tokenizer library (about a minute)"
mkdir -p "$lib"
go mod download "$module"
source=$(go list -m -f '{{.Dir}}' "$module")
build=$(mktemp -d "$root/.runtime/cargo.XXXXXX")
trap 'rm -rf "$build"' EXIT
cp "$here/Cargo.toml" "$here/Cargo.lock" "$build/"
cp -r "$source/src" "$build/src"
chmod -R u+w "$build"
read='Tokenizer::from_bytes(bytes_slice)'
sed -i "s/match $read {/match caught(|| $read) {/" "$build/src/lib.rs"
grep -qF "caught(|| $read)" "$build/src/lib.rs" || { echo "runtime: the module's sources do not read files as they did" >&2; exit 1; }
cat "$here/caught.rs" >>"$build/src/lib.rs"
cargo build --quiet --release --locked --manifest-path "$build/Cargo.toml" --target-dir "$build/target"
mv "$build/target/release/$archive" "$lib/$archive"
printf '%s\n' "$pins" >"$stamp"
echo "runtime: ready in ${lib#"$root"/}"
