#!/usr/bin/env bash
# Makes what is installed in dist/: assay-VERSION-linux-ARCH.tar.gz and assay_VERSION_ARCH.deb of each ARCH, and
# SHA256SUMS of them. Usage: deploy/dist.sh [ARCH...]; amd64 and arm64 are there, and amd64 is meant where none is
# named. What is committed is packed, from a clone of its own. The same commit gives the same bytes in any folder: no
# path, no date but the commit's, no order of files and no owner is in them. It runs on Debian on amd64. For arm64 it
# installs Debian's cross compiler and Rust's library for that target where they are missing; those packages do not pass
# deploy/installed.py yet, and docs/INSTALL.md says why.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022
die() { printf 'dist: %s\n' "$*" >&2; exit 1; }
[ "$(uname -m)" = x86_64 ] || die "packages are made on x86-64, and this machine is $(uname -m)"
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) || die "the date and the version are the commit's, and git knows none here"
export SOURCE_DATE_EPOCH LC_ALL=C
dist=$PWD/dist
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build ARCH FILE: the program. Symbols are left out, since they name the linker's temporary files, and so is the build
# id, which is made of the checkout's path.
build() {
  GOARCH=$1 CGO_ENABLED=1 go build -trimpath -buildvcs=true -ldflags='-s -w -buildid=' -o "$2" .
}

# cross: what arm64 needs.
cross() {
  local triple=aarch64-unknown-linux-gnu
  if ! command -v aarch64-linux-gnu-g++ >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq gcc-aarch64-linux-gnu g++-aarch64-linux-gnu; } >&2 ||
      die "arm64 needs Debian's gcc-aarch64-linux-gnu and g++-aarch64-linux-gnu, and apt-get does not install them"
  fi
  if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$triple" ]; then
    rustup --quiet target add "$triple" >&2 || die "arm64 needs Rust's library for $triple, and rustup does not install it"
  fi
  export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
  export AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
  models/native/tokenizers.sh "$triple"
  models/native/wheels.py onnxruntime aarch64
}

# lay ARCH LIBRARIES FOLDER: what both packages have, as it lies under /usr. The manual and the completions are the
# program's own words, and this machine runs the one of amd64.
lay() {
  local to=$3
  mkdir -p "$to"/{bin,lib/assay,share/man/man1,share/bash-completion/completions,share/zsh/site-functions,share/fish/vendor_completions.d,share/doc/assay}
  build "$1" "$to/bin/assay"
  install -m 644 "$2/libonnxruntime.so.1.27.0" "$to/lib/assay/"
  "$work/assay" man | gzip -9n >"$to/share/man/man1/assay.1.gz"
  "$work/assay" completion bash >"$to/share/bash-completion/completions/assay"
  "$work/assay" completion zsh >"$to/share/zsh/site-functions/_assay"
  "$work/assay" completion fish >"$to/share/fish/vendor_completions.d/assay.fish"
  GOARCH=$1 CGO_ENABLED=1 deploy/licenses.sh "$to/share/doc/assay/licenses"
  cp -r "$2"/licenses/* "$to/share/doc/assay/licenses/"
  install -m 644 README.md "$to/share/doc/assay/"
}

# archive NAME: a tar of the folder of that name, whose sums are in it.
archive() {
  (cd "$work/$1" && find . -type f -printf '%P\n' | sort | xargs -d '\n' sha256sum >"$work/sums" && mv "$work/sums" SHA256SUMS)
  tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go-w --format=gnu -cf - "$1" | gzip -9n >"$dist/$1.tar.gz"
}

# package ARCH FOLDER: a Debian package of what lies in a folder.
package() {
  local root=$work/deb-$1 glibc
  mkdir -p "$root"/{DEBIAN,usr/lib/systemd/system,etc/default}
  cp -r "$2"/{bin,lib,share} "$root/usr/"
  install -m 644 deploy/systemd/assay.service deploy/systemd/assay.socket "$root/usr/lib/systemd/system/"
  install -m 640 deploy/systemd/assay.default "$root/etc/default/assay"
  ln "$root/usr/share/doc/assay/licenses/assay/LICENSE" "$root/usr/share/doc/assay/copyright"
  mkdir "$root/usr/share/zsh/vendor-completions"
  mv "$root/usr/share/zsh/site-functions/_assay" "$root/usr/share/zsh/vendor-completions/" && rmdir "$root/usr/share/zsh/site-functions"
  glibc=$(readelf --version-info "$root/usr/bin/assay" "$root"/usr/lib/assay/* | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
  echo /etc/default/assay >"$root/DEBIAN/conffiles"
  cat >"$root/DEBIAN/control" <<CONTROL
Package: assay
Version: ${version#v}
Architecture: $1
Maintainer: The makers of Assay <assay@localhost>
Section: net
Priority: optional
Depends: libc6 (>= ${glibc#GLIBC_}), libgcc-s1, libstdc++6
Installed-Size: $(($(find "$root/usr" -type f -printf '%s+')0 / 1024))
Description: reward-model inference server
 Assay serves reward models and process reward models over HTTP, and scores, ranks and evaluates with them.
CONTROL
  dpkg-deb --root-owner-group -Zgzip --build "$root" "$dist/assay_${version#v}_$1.deb" >/dev/null
}

[ -z "$(git status --porcelain)" ] || echo "dist: what is not committed is left out" >&2
archs=("${@:-amd64}")
make --no-print-directory --silent runtime
for arch in "${archs[@]}"; do
  case $arch in
    amd64) ;;
    arm64) cross ;;
    *) die "packages are for amd64 and arm64, and not for $arch" ;;
  esac
done
git -c advice.detachedHead=false clone --quiet --shared . "$work/source"
mkdir "$work/source/.runtime"
ln -s "$PWD"/.runtime/* "$work/source/.runtime/"
rm -rf "$dist"
mkdir "$dist"
cd "$work/source"
build amd64 "$work/assay"
version=$(go version -m "$work/assay" | awk '$1 == "mod" { print $3 }')
for arch in "${archs[@]}"; do
  name=assay-${version#v}-linux-$arch
  case $arch in
    amd64) libraries=.runtime/lib ;;
    arm64) libraries=.runtime/aarch64/lib ;;
  esac
  if [ "$arch" = arm64 ]; then
    export CC=aarch64-linux-gnu-gcc CXX=aarch64-linux-gnu-g++ CGO_LDFLAGS=-L$PWD/.runtime/aarch64/lib
    export CARGO_BUILD_TARGET=aarch64-unknown-linux-gnu # of whose crates the licences are gathered
  else
    unset CC CXX CGO_LDFLAGS CARGO_BUILD_TARGET
  fi
  lay "$arch" "$libraries" "$work/$name"
  package "$arch" "$work/$name"
  mv "$work/$name/share/doc/assay/README.md" "$work/$name/"
  cp LICENSE "$work/$name/"
  archive "$name"
done
cd "$dist"
sha256sum assay* >SHA256SUMS
cat SHA256SUMS
