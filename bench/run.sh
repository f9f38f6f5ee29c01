#!/usr/bin/env bash
# Measures bin/assay on this machine and writes bench/results. `make bench` calls it; flags go to the bench command (README).
#
# PYTHON: a Python with models/export/requirements.txt installed (default .venv/bin/python).
# ASSAY: the server (default bin/assay).
# BENCH_MODEL: where the random model is kept (default bench/.model; made when absent).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
model=${BENCH_MODEL:-bench/.model}

if [[ ! -f $model/done ]]; then
    rm -rf "$model"
    mkdir -p "$model"
    echo "making the random model in $model" >&2
    PYTHONPATH=models/export "$python" -m assay_export.random_model "$model"
    touch "$model/done"
fi

scratch=$(mktemp -d)
server=
stop() {
    [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
    rm -rf "$scratch"
}
trap stop EXIT
go build -o "$scratch/bench" ./bench

port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${ASSAY:-bin/assay}" serve --no-builtin --bundle "$model/bench-packed" --listen "127.0.0.1:$port" 2>"$scratch/log" &
server=$!
for ((i = 0; ; i++)); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$port/readyz" && break
    if ((i == 300)) || ! kill -0 "$server" 2>/dev/null; then
        cat "$scratch/log" >&2
        echo "bin/assay did not become ready" >&2
        exit 1
    fi
    sleep 0.2
done

grep -h loaded "$scratch/log" >&2 || true
about="random Qwen3-style reward model, $(($(stat -c %s "$model/checkpoint/model.safetensors") / 4000000)) M parameters, float32"
"$scratch/bench" -url "http://127.0.0.1:$port" -padded "$model/bench-padded" -python "$python" -about "$about" "$@"
