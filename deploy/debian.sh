#!/usr/bin/env bash
# Puts Debian's HAProxy and promtool under .runtime/debian, for the checks of what we tell operators: extracted from
# their packages and not installed, so that nothing of this machine changes and no server starts. Where a library that
# they need is not on this machine, Debian's is put beside them. Once; needs Debian bookworm.
set -euo pipefail
cd "$(dirname "$0")/.."
into=$PWD/.runtime/debian
[ -f "$into/done" ] && exit
if ! grep -qs '^VERSION_CODENAME=bookworm$' /etc/os-release; then
  echo "deploy/debian.sh: this machine's packages are not Debian bookworm's" >&2
  exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt fetches as a user of its own
get() { (cd "$work" && { apt-get download -qq "$@" 2>/dev/null || { apt-get update -qq && apt-get download -qq "$@"; }; }); }
extract() { for package in "$work"/*.deb; do dpkg-deb --extract "$package" "$into"; done; rm "$work"/*.deb; }
libraries=$into/usr/lib/x86_64-linux-gnu:$into/lib/x86_64-linux-gnu
lacks() { LD_LIBRARY_PATH=$libraries ldd "$into"/usr/sbin/haproxy "$into"/usr/bin/promtool | grep 'not found' || true; }

rm -rf "$into"
mkdir -p "$into"
get haproxy prometheus
extract
if [ -n "$(lacks)" ]; then
  get libcrypt1 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 libpcre2-8-0 libssl3 libsystemd0 libcap2 libgcrypt20 libgpg-error0 liblz4-1 \
    liblzma5 libzstd1 zlib1g libstdc++6 libgcc-s1
  extract
fi
left=$(lacks)
[ -z "$left" ] || { printf 'deploy/debian.sh: these still lack\n%s\n' "$left" >&2; exit 1; }
cat >"$into/haproxy" <<'SH'
#!/bin/sh
here=$(dirname "$0")
LD_LIBRARY_PATH=$here/usr/lib/x86_64-linux-gnu:$here/lib/x86_64-linux-gnu exec "$here/usr/sbin/haproxy" "$@"
SH
chmod +x "$into/haproxy"
touch "$into/done"
