# shellcheck shell=bash
# Sourced by scripts: the tools of the machine, held to the versions that are needed.

# need TOOL LEAST WHY: ends the script with one sentence where the tool is missing or older than LEAST.
need() {
  local said have
  case $1 in
    go) said=$(go version 2>&1) || said= ;;
    *) said=$("$1" --version 2>&1) || said= ;;
  esac
  have=$(grep -Eo '[0-9]+(\.[0-9]+)+' <<<"$said" | head -1) || have=
  if [ -z "$have" ]; then
    echo "$1 $2 or later is missing: $3" >&2
    exit 1
  fi
  if [ "$(printf '%s\n' "$2" "$have" | sort -V | head -1)" != "$2" ]; then
    echo "$1 is $have, and $2 or later is needed: $3" >&2
    exit 1
  fi
}

# need_pip: Python with pip, which Debian packages apart.
need_pip() {
  need python3 3.11 "it fetches pinned wheels"
  python3 -m pip --version >/dev/null 2>&1 || { echo "python3 has no pip: it fetches pinned wheels" >&2; exit 1; }
}
