#!/usr/bin/env bash
# Measures bin/assay on this machine. `make bench` runs the short form; flags go to the bench command (README).
#
# PYTHON: a Python with models/export/requirements.txt installed (default .venv/bin/python).
# ASSAY: the server (default bin/assay).
# BENCH_MODEL: where the random models are kept (default bench/.model; made when absent or older than their makers).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
assay=${ASSAY:-bin/assay}
[[ -n ${ASSAY:-} ]] || make --silent bin/assay
model=${BENCH_MODEL:-bench/.model}

scratch=$(mktemp -d)
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
    rm -rf "$scratch"
}
trap stop EXIT
go build -o "$scratch/bench" ./bench

if [[ " $* " =~ \ --?(list|needs|render|h|help)[\ =] ]]; then
    "$scratch/bench" "$@"
    exit
fi

maker=models/export/assay_export/random_model.py
if [[ ! -f $model/done || $maker -nt $model/done || bench/models.py -nt $model/done ]]; then
    rm -rf "$model"
    mkdir -p "$model"
    echo "making the random models in $model" >&2
    PYTHONPATH=models/export "$python" -m assay_export.random_model "$model" >&2
    PYTHONPATH=models/export "$python" bench/models.py "$model" >&2
    touch "$model/done"
fi

# start NAME FLAGS...: a server on a free loopback port. A second try would hide a port taken in between.
given=()
start() {
    local name=$1 port pid
    shift
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$assay" serve --no-builtin --listen "127.0.0.1:$port" "$@" >/dev/null 2>"$scratch/$name.log" &
    pid=$!
    pids+=("$pid")
    for ((i = 0; i < 600; i++)); do
        if curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz"; then
            grep -h '"loaded"' "$scratch/$name.log" >&2 || true
            given+=(-server "$name=http://127.0.0.1:$port,$pid")
            return
        fi
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 5 "$scratch/$name.log" >&2
    echo "$name did not become ready: its loads are skipped" >&2
    kill "$pid" 2>/dev/null || true
}

for name in $("$scratch/bench" -needs "$@"); do
    case $name in
    main) start main --bundle "$model/bench-packed" --bundle "$model/bench-prm" ;;
    no-cache) start no-cache --bundle "$model/bench-prm" --cache 0 ;;
    int8) start int8 --bundle "$model/bench-packed-int8" ;;
    null) start null --bundle "$model/bench-null" ;;
    esac
done

about="random Qwen3-style models, $(($(stat -c %s "$model/checkpoint/model.safetensors") / 4000000)) M parameters"
"$scratch/bench" "${given[@]}" -padded "$model/bench-padded" -python "$python" -about "$about" "$@"
