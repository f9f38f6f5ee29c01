#!/usr/bin/env bash
# Measures bin/assay on this machine. `make bench` runs the short form; flags go to the bench command (README).
#
# PYTHON: a Python with the packages of models/export/lock.in (default .venv/bin/python).
# ASSAY: the server (default bin/assay).
# BEFORE: another server; both are measured side by side then, each load on both in turn.
# BENCH_MODEL: where the random models are kept, in a folder for each exporter that made some (default bench/.model).
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
assay=${ASSAY:-bin/assay}
[[ -n ${ASSAY:-} ]] || make --silent bin/assay

scratch=$(mktemp -d)
pids=()
stop() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
    rm -rf "$scratch"
}
trap stop EXIT
go build -o "$scratch/bench" ./bench

if [[ " $* " =~ \ --?(list|needs|render|quote|h|help)[\ =] ]]; then
    "$scratch/bench" "$@"
    exit
fi
beside=()
[[ -z ${BEFORE:-} ]] || beside=(-before)

# OpenVINO, by hash, beside the packages of the exporter: it is one of the engines of the ideal.
packages=$PWD/bench/.packages openvino=(-openvino)
if ! cmp -s bench/openvino.txt "$packages/openvino.txt"; then
    rm -rf "$packages"
    if "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-compile --no-cache-dir \
        --no-deps --only-binary :all: --require-hashes --requirement bench/openvino.txt --target "$packages"; then
        cp bench/openvino.txt "$packages/"
    else
        echo "OpenVINO could not be installed: its engines are left out" >&2
        openvino=()
    fi
fi

# The models are those of this exporter: another one, or other versions of what it is made of, makes its own.
exporter=$(find models/export/assay_export models/export/lock.txt bench/models.py -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z |
    xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
model=${BENCH_MODEL:-bench/.model}/${exporter:0:16}
if [[ ! -f $model/done ]]; then
    rm -rf "$model"
    mkdir -p "$model"
    echo "making the random models in $model" >&2
    PYTHONPATH=models/export "$python" -m assay_export.random_model "$model" >&2
    PYTHONPATH=models/export "$python" bench/models.py "$model" >&2
    touch "$model/done"
fi

# Side by side both binaries run forwards of the same size, one at a time: what each would measure at its own start is a
# throw of dice on a machine that others use, and a forward's size moves a load by more than any change.
same=()
[[ -z ${BEFORE:-} ]] || same=(--batch-tokens 1024)

# start BINARY NAME FLAGS...: a server on a free loopback port. A second try would hide a port taken in between.
given=()
start() {
    local binary=$1 name=$2 port pid
    shift 2
    port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$binary" serve --no-builtin --listen "127.0.0.1:$port" "${same[@]}" "$@" >/dev/null 2>"$scratch/$name.log" &
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

needed=$("$scratch/bench" -needs "${beside[@]}" "$@")
if grep -q large- <<<"$needed" && [[ ! -f $model/large/done ]]; then
    rm -rf "$model/large"
    mkdir "$model/large"
    echo "making the large random model in $model/large" >&2
    PYTHONPATH=models/export "$python" bench/models.py "$model" --large >&2
    touch "$model/large/done"
fi
for name in $needed; do
    binary=$assay
    [[ $name != before-* ]] || binary=$BEFORE
    case ${name#before-} in
    main) start "$binary" "$name" --bundle "$model/bench-packed" --bundle "$model/bench-prm" ;;
    no-cache) start "$binary" "$name" --bundle "$model/bench-prm" --cache 0 ;;
    int8) start "$binary" "$name" --bundle "$model/bench-packed-int8" ;;
    crowd)
        for ((i = 0; i < 9; i++)); do echo "bench-caller-$i name=caller-$i"; done >"$scratch/tokens"
        start "$binary" "$name" --bundle "$model/bench-packed" --token-file "$scratch/tokens"
        ;;
    null) start "$binary" "$name" --bundle "$model/bench-null" ;;
    recipe)
        bundles=()
        for of in first second third; do
            cp -a "$model/bench-packed" "$scratch/bench-$of"
            sed "s/^name: .*/name: bench-$of/" "$model/bench-packed/assay.yaml" >"$scratch/$of.yaml"
            mv -f "$scratch/$of.yaml" "$scratch/bench-$of/assay.yaml"
            bundles+=(--bundle "$scratch/bench-$of")
        done
        cat >"$scratch/mean.yaml" <<-RECIPE
			recipe: 1
			name: bench-mean
			readings:
			  a: {gives: score, model: bench-first}
			  b: {gives: score, model: bench-second}
			  c: {gives: score, model: bench-third}
			score: mean(a, b, c)
		RECIPE
        start "$binary" "$name" "${bundles[@]}" --recipe "$scratch/mean.yaml"
        ;;
    ops-*) start "$binary" "$name" --bundle "$model/${name#before-}" ;;
    large-*) start "$binary" "$name" --bundle "$model/large/${name#before-}" ;;
    encoder | encoder-padded) start "$binary" "$name" --bundle "$model/bench-${name#before-}" ;;
    # A text of the load rank-75 fits in 300 tokens.
    encoder-*) start "$binary" "$name" --bundle "$model/bench-encoder" --batch-tokens "$((${name##*-} * 300))" ;;
    esac
done

about="random Qwen3-style models, $(($(stat -c %s "$model/checkpoint/model.safetensors") / 4000000)) M parameters"
PYTHONPATH=$packages${PYTHONPATH:+:$PYTHONPATH} "$scratch/bench" "${beside[@]}" "${given[@]}" "${openvino[@]}" \
    -padded "$model/bench-padded" -packed "$model/bench-packed" -padded-int8 "$model/bench-padded-int8" \
    -packed-int8 "$model/bench-packed-int8" -encoder "$model/bench-encoder" -encoder-padded "$model/bench-encoder-padded" \
    -operators "$model/ops-float32" -large "$model/large" -assay "$assay" -exporter "sha256:$exporter" -python "$python" -about "$about" "$@"
