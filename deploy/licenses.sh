#!/usr/bin/env bash
# Gathers the licences of all that is linked into the server: ours, Go's, the Go modules', the Rust crates' of the
# tokenizer library. Usage: deploy/licenses.sh FOLDER [TAG]. What ships no licence file is listed in without-file.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1 tags=${2:-}
mkdir -p "$out"

# take FROM TO copies the licence files of a folder, and fails where there are none.
take() {
  local files
  mapfile -t files < <(find "$1/" -maxdepth 1 -type f -iregex '.*/\(un\)?\(licen[cs]e\|copying\|notice\|copyright\)[^/]*' | sort)
  [ ${#files[@]} -gt 0 ] || return 1
  mkdir -p "$2"
  install -m 644 "${files[@]}" "$2"
}

take . "$out/assay"
take "$(go env GOROOT)" "$out/go"
modules=$(go list -deps -tags "$tags" -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{if .Replace}}{{.Replace.Version}}{{else}}{{.Version}}{{end}} {{.Dir}}{{end}}{{end}}' . | sort -u)
while read -r module folder; do
  take "$folder" "$out/modules/${module//\//-}" || echo "module $module" >>"$out/without-file.txt"
done <<<"$modules"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp models/native/Cargo.toml models/native/Cargo.lock "$work"
mkdir "$work/src"
: >"$work/src/lib.rs"
cargo fetch --quiet --locked --manifest-path "$work/Cargo.toml"
crates=$(cargo tree --locked --offline --manifest-path "$work/Cargo.toml" --edges normal --prefix none --no-dedupe --format '{p} {l}' | tail -n +2 | sort -u)
while read -r crate version licence; do
  folder=$(compgen -G "${CARGO_HOME:-$HOME/.cargo}/registry/src/*/$crate-${version#v}" | head -1)
  take "$folder" "$out/crates/$crate-${version#v}" || echo "crate $crate@${version#v}: $licence" >>"$out/without-file.txt"
done <<<"$crates"
