#!/usr/bin/env bash
# Holds alerts and dashboard to Prometheus and to a server: promtool reads and tests the rules, the dashboard is what
# dashboard.py makes, and every metric that either names is in a scrape. deploy/debian.sh gives promtool,
# clients/venv.sh the Python client.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD here=deploy/monitoring python=clients/.venv/bin/python promtool=.runtime/debian/usr/bin/promtool tools=.tools/monitoring
fail() { printf 'deploy/monitoring/check.sh: %s\n' "$*" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$promtool" check rules --lint-fatal "$here/rules.yaml" >"$work/said" 2>&1 || fail "$(cat "$work/said")"
"$promtool" test rules "$here/rules_test.yaml" >"$work/said" 2>&1 || fail "$(cat "$work/said")"
# loosened FROM TO: the tests must find an alert that fires too late or too early.
loosened() {
  cp "$here/rules_test.yaml" "$work/"
  sed "s/$1/$2/" "$here/rules.yaml" >"$work/rules.yaml"
  ! cmp -s "$here/rules.yaml" "$work/rules.yaml" || fail "rules.yaml has no $1"
  (cd "$work" && "$root/$promtool" test rules rules_test.yaml) >"$work/said" 2>&1 || true
  grep -q FAILED "$work/said" || fail "the tests do not find $2 in place of $1: $(cat "$work/said")"
}
loosened 'ratio5m > 0.01' 'ratio5m > 0.3'
loosened 'ratio5m > 0.05' 'ratio5m > 0.005'
loosened 'abs(assay_watched_drift)' 'assay_watched_drift'
loosened ' > 100' ' > 5'
loosened 'class="interactive"' 'class="bulk"'

if ! cmp -s "$here/requirements.txt" "$tools/requirements.txt"; then
  rm -rf "$tools"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
    --target "$tools" --requirement "$here/requirements.txt"
  cp "$here/requirements.txt" "$tools/"
fi
PYTHONPATH=$tools "$python" "$here/dashboard.py" | diff "$here/dashboard.json" - || fail "dashboard.json is not what dashboard.py makes"
"$python" "$here/check.py"
