#!/usr/bin/env bash
# Puts Debian's PostgreSQL 15 under .runtime/postgresql, for the tests of shared states: extracted from its package and not installed,
# so that nothing of this machine changes and no server starts. Where a library that it needs is not on this machine, Debian's is put
# beside it. Once; needs Debian bookworm.
set -euo pipefail
cd "$(dirname "$0")/../../.."
into=.runtime/postgresql
[ -f "$into/done" ] && exit
if ! grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
  echo "rewards/state/postgres/server.sh: this machine's packages are not Debian bookworm's" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt fetches as a user of its own
get() { (cd "$work" && { apt-get download -qq "$@" 2>/dev/null || { apt-get update -qq && apt-get download -qq "$@"; }; }); }
extract() { for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$into"; done; rm "$work"/*.deb; }
lacks() { LD_LIBRARY_PATH="$into/usr/lib/x86_64-linux-gnu:$into/lib/x86_64-linux-gnu" ldd "$into"/usr/lib/postgresql/15/bin/{postgres,initdb} | grep 'not found' || true; }

rm -rf "$into"
mkdir -p "$into"
get postgresql-15
extract
if [ -n "$(lacks)" ]; then
  get libpq5 libicu72 libxml2 libssl3 liblz4-1 libzstd1 zlib1g liblzma5 libgcc-s1 libstdc++6 libsystemd0 libcap2 libgcrypt20 libgpg-error0 \
    libpam0g libaudit1 libcap-ng0 libgssapi-krb5-2 libkrb5-3 libk5crypto3 libkrb5support0 libkeyutils1 libcom-err2 libldap-2.5-0 libsasl2-2 \
    libgnutls30 libnettle8 libhogweed6 libgmp10 libp11-kit0 libidn2-0 libunistring2 libtasn1-6 libffi8
  extract
fi
left=$(lacks)
[ -z "$left" ] || { printf 'rewards/state/postgres/server.sh: PostgreSQL still lacks\n%s\n' "$left" >&2; exit 1; }
touch "$into/done"
