#!/usr/bin/env bash
# The real binary: start it on a free port, ask what README.md asks, stop it under load. Usage: .ci/smoke.sh [BINARY]
# It ends no process but the ones that it started.
set -uo pipefail
cd "$(dirname "$0")/.."
bin=${1:-bin/assay}
work=$(mktemp -d)
passed=0 failed=0 server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null; rm -rf "$work"' EXIT

pass() { passed=$((passed + 1)); printf 'ok    %s\n' "$1"; }
fail() { failed=$((failed + 1)); printf 'FAIL  %s\n' "$1"; shift; [ $# -eq 0 ] || printf '      %s\n' "$@"; }
finish() {
  printf '%d passed, %d failed\n' "$passed" "$failed"
  [ "$failed" -eq 0 ]
  exit
}

# check NAME CONDITION: the condition is Python over r, the JSON in $work/body.
check() {
  if python3 -c 'import json, sys; r = json.load(open(sys.argv[1])); assert eval(sys.argv[2])' "$work/body" "$2" 2>"$work/why"; then
    pass "$1"
  else
    fail "$1" "$2" "$(head -c 600 "$work/body")" "$(tail -1 "$work/why")"
  fi
}

# ask NAME ROUTE BODY CONDITION: POST, or GET where the body is empty; the status must be 200 unless it is named in $status.
ask() {
  local got
  got=$(curl -sS --max-time 30 -o "$work/body" -w '%{http_code}' ${3:+-H 'Content-Type: application/json' -d "$3"} "$url$2" 2>"$work/why")
  if [ "$got" = "${status:-200}" ]; then check "$1" "$4"; else fail "$1" "status $got" "$(head -c 600 "$work/body")"; fi
}

# within SECONDS COMMAND: tries the command until it succeeds, for at most so long.
within() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

gone() { ! kill -0 "$server" 2>/dev/null; }
said() { grep -q "$2" "$1" || gone; }

"$bin" serve --listen 127.0.0.1:0 --log-level debug --log-format json >"$work/out" 2>"$work/log" &
server=$!
within 60 said "$work/out" '^assay is ready on '
url=$(grep -o 'http://[0-9.:]*' "$work/out" | head -1)
if [ -z "$url" ]; then
  fail "start" "$(tail -3 "$work/log")"
  finish
fi
pass "start: $(cat "$work/out")"
if within 60 curl -sf --max-time 10 -o "$work/body" "$url/readyz"; then check "readyz" 'r["ready"] is True'; else fail "readyz"; fi

two='{"prompt": "What is 12 + 30?", "response": "12 + 30 = 42\nThe answer is 42."}, {"prompt": "What is 12 + 30?", "response": "12 + 30 = 43\nThe answer is 43."}'
ask "score: the right answer is better" /v1/score "{\"items\": [$two]}" 'r["results"][0]["score"] > r["results"][1]["score"] and r["model"] == "arith-rm"'
ask "score: one bad item fails alone" /v1/score '{"items": [{"prompt": "12 + 30?"}, {"text": "x"}]}' \
  'r["results"][0]["error"]["code"] == "bad_item" and "score" in r["results"][1]'
ask "rank: best first" /v1/rank '{"prompt": "What is 12 + 30?", "responses": ["The answer is 52.", "The answer is 42.", "The answer is 24."]}' \
  'r["best"] == r["ranking"][0]["index"] and [x["score"] for x in r["ranking"]] == sorted((x["score"] for x in r["responses"]), reverse=True)'
ask "compare: a pair" /v1/compare '{"pairs": [{"prompt": "What is 12 + 30?", "chosen": "12 + 30 = 42\nThe answer is 42.", "rejected": "12 + 30 = 43\nThe answer is 43."}]}' \
  'r["results"][0]["probability"] > 0.5 and r["results"][0]["margin"] == r["results"][0]["chosen"]["raw"] - r["results"][0]["rejected"]["raw"]'
ask "compare: responses" /v1/compare '{"prompt": "What is 12 + 30?", "responses": ["The answer is 42.", "The answer is 52."]}' \
  'r["preference"][0][0] == 0.5 and r["preference"][0][1] + r["preference"][1][0] == 1 and len(r["win_rate"]) == 2'
ask "steps: the flawed one is found" /v1/steps '{"items": [{"prompt": "What is 12 + 30 - 2?", "steps": ["12 + 30 = 42", "42 - 2 = 41", "The answer is 41."]}, {"prompt": "What is 12 + 30?", "response": "12 + 30 = 42\nThe answer is 42.", "separator": "\n"}]}' \
  '[x["first_error"] for x in r["results"]] == [1, None] and len(r["results"][0]["steps"]) == 3'
ask "tokenize" /v1/tokenize "{\"items\": [$two]}" 'len(r["results"][0]["input_ids"]) == r["results"][0]["tokens"] > 0 and "12 + 30" in r["results"][0]["text"]'
ask "get_reward" /get_reward '{"query": ["What is 12 + 30? 42", "What is 12 + 30? 43"], "prompts": ["a", "b"]}' \
  'len(r["rewards"]) == 2 and r["rewards"] == r["scores"]'
ask "models" /v1/models '' '[m["name"] for m in r["models"]] == ["arith-rm", "arith-prm"]'
ask "healthz" /healthz '' 'r["alive"] is True'
ask "openapi" /openapi.json '' 'r["openapi"].startswith("3.1") and "/v1/score" in r["paths"]'
status=400 ask "bad JSON is a problem" /v1/score '{"items": [' 'r["code"] == "bad_json" and r["status"] == 400'
status=404 ask "unknown route" /nowhere '' 'r["code"] == "not_found"'
# has NAME ROUTE PATTERN: the route's text has a line that matches.
has() {
  if curl -sf --max-time 10 -o "$work/body" "$url$2" && grep -qi "$3" "$work/body"; then pass "$1"; else fail "$1" "$(head -c 300 "$work/body")"; fi
}
has "metrics" /metrics '^assay_requests_total{route="/v1/score",status="200"} [1-9]'
has "docs" /docs '<html'

# Every command of the README, with the answer printed there.
if python3 .ci/readme.py "$url" "$bin" >"$work/readme"; then pass "README"; else fail "README"; fi
cat "$work/readme"

# Stopped under load: what the server took up, by its own log, is what the clients have answers to; the status is 0.
client() {
  local n=0
  while :; do
    n=$((n + 1))
    curl -sf --max-time 30 -o "$work/answer-$1" -H 'Content-Type: application/json' -H "X-Request-Id: load-$1-$n" \
      -d "{\"items\": [{\"prompt\": \"load $1 $n\", \"response\": \"42\"}]}" "$url/v1/score" 2>/dev/null || return 0
    grep -q '"score":' "$work/answer-$1" && echo "load-$1-$n" >>"$work/answered-$1"
  done
}
clients=()
for c in 1 2 3 4; do
  client "$c" &
  clients+=($!)
done
loaded() { [ "$(cat "$work"/answered-* 2>/dev/null | wc -l)" -ge 40 ]; }
within 60 loaded || fail "load: fewer than 40 answers in a minute"
kill -TERM "$server"
within 60 gone || fail "SIGTERM under load: the server still runs after a minute"
if gone; then
  wait "$server"
  code=$?
  server=
  if [ "$code" = 0 ]; then pass "SIGTERM under load: status 0"; else fail "SIGTERM under load: status $code" "$(tail -3 "$work/log")"; fi
fi
wait "${clients[@]}"
sort "$work"/answered-* >"$work/answered"
grep '"msg":"request"' "$work/log" | grep -o '"request":"load-[^"]*"' | cut -d'"' -f4 | sort >"$work/taken"
if cmp -s "$work/answered" "$work/taken"; then
  pass "every one of the $(wc -l <"$work/taken") requests taken up was answered"
else
  fail "requests taken up and answers differ" "$(diff "$work/taken" "$work/answered" | head -5)"
fi
finish
