#!/usr/bin/env bash
# Lays out, in each FOLDER, the part of debian:bookworm-slim that a server may lean on: the C and C++ libraries and zlib. The image has
# them because dpkg and apt need them. There is no shell and no other program, so what starts here starts there.
# Usage: deploy/base.sh FOLDER...
set -euo pipefail
packages=(libc6 libgcc-s1 libstdc++6 zlib1g)
if ! grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
  echo "deploy/base.sh: this machine's packages are not Debian bookworm's, which the images stand on" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt fetches as a user of its own
cd "$work"
apt-get download -qq "${packages[@]}" 2>/dev/null || { apt-get update -qq && apt-get download -qq "${packages[@]}"; }
for folder; do
  mkdir -p "$folder"/{dev,proc,sys,tmp}
  for package in ./*.deb; do
    dpkg-deb --extract "$package" "$folder"
  done
done
