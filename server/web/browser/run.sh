#!/usr/bin/env bash
# The page in a real browser, over bin/assay: Debian's Chromium, driven by playwright-core and read by axe-core, both of
# npm and pinned by package-lock.json. Usage: server/web/browser/run.sh [screenshots] Chromium is installed where it is
# missing, which needs root; with screenshots so are the fonts that they are made with, and pngquant, which makes them
# small.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. models/native/need.sh
need node 20 "it drives the browser that looks at the page"
need npm 9 "it fetches what drives the browser"

packages=()
command -v chromium >/dev/null || packages+=(chromium)
if [ "${1:-}" = screenshots ]; then
  for package in fonts-inter fonts-jetbrains-mono pngquant; do
    dpkg-query --status "$package" >/dev/null 2>&1 || packages+=("$package")
  done
fi
if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "server/web/browser/run.sh: ${packages[*]} missing, and installing Debian's packages needs root on Debian" >&2
    exit 1
  fi
  install() { DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null; }
  install 2>/dev/null || { apt-get update -qq && install; }
fi
cd server/web/browser
if ! cmp -s package-lock.json node_modules/.made-of; then
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2
  cp package-lock.json node_modules/.made-of
fi
node check.mjs "$@"
[ "${1:-}" != screenshots ] || pngquant --force --ext .png --speed 1 --strip 64 ../../../docs/page/*.png
