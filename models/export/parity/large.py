"""A model of a billion parameters, from checkpoint to answer, within a stated memory: `python -m parity.large OUT`.

Writes a random Qwen2 reward checkpoint in bfloat16 shards, exports it, verifies the bundle and serves one request, each as a user
would, in a process of its own. Prints the largest resident memory of each and fails above the limit. What the export holds besides the mapped
files must stay below one float32 copy of the weights.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification, Qwen2Config

from assay_export import tiny

LIMIT_GIB = 20
OWN_GIB = 3.8
"""Limit of the export's own memory, without the checkpoint's mapped files; the weights are 3.9 GiB in float32."""

SHARD_BYTES = 500_000_000
CONFIG = Qwen2Config(vocab_size=151936, hidden_size=1536, intermediate_size=6144, num_hidden_layers=24, num_attention_heads=12,
                     num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True, num_labels=1,
                     architectures=["Qwen2ForSequenceClassification"])


def write_checkpoint(directory: Path, seed: int = 0) -> int:
    """Write config, sharded random weights and a small tokenizer; return the number of parameters."""
    directory.mkdir(parents=True)
    tokenizer = tiny.family_tokenizer("qwen2", 8192, tiny.sentences(seed, 30000, 20000))
    tiny.write_tokenizer(directory, tokenizer, tiny.FAMILIES["qwen2"])
    CONFIG.pad_token_id = tokenizer.token_to_id(tiny.FAMILIES["qwen2"].pad)
    CONFIG.save_pretrained(directory)
    with torch.device("meta"):
        shapes = {name: tensor.shape for name, tensor in AutoModelForSequenceClassification.from_config(CONFIG).state_dict().items()}
    generator = torch.Generator().manual_seed(seed)
    shard, size, files = {}, 0, {}
    for name, shape in shapes.items():
        noise = torch.randn(shape, generator=generator)
        shard[name] = (1 + 0.1 * noise if "norm" in name else 0.02 * noise).bfloat16()
        size += shard[name].nbytes
        if size >= SHARD_BYTES or name == list(shapes)[-1]:
            file = f"model-{len(set(files.values())):05}.safetensors"
            save_file(shard, directory / file, metadata={"format": "pt"})
            files |= dict.fromkeys(shard, file)
            shard, size = {}, 0
    index = {"metadata": {}, "weight_map": files}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return sum(shape.numel() for shape in shapes.values())


def measured(name: str, command: list[str], own: float = LIMIT_GIB) -> None:
    """Run a command to its end and say how much memory it had at most; exit when it fails or takes more than LIMIT_GIB, or own of its own."""
    print(f"== {name}: {' '.join(command)}", flush=True)
    start = time.monotonic()
    judge(name, subprocess.Popen(command), start, own)


def judge(name: str, process: subprocess.Popen, start: float, own: float = LIMIT_GIB) -> None:
    """Wait for a process and hold it to the limits."""
    most = 0.0
    while True:
        most = max(most, anonymous(process.pid))
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            break
        time.sleep(0.05)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = usage.ru_maxrss / 2**20
    print(f"{name}: exit {process.returncode}, {peak:.1f} GiB at most, {most:.1f} of them its own, {time.monotonic() - start:.0f} s", flush=True)
    if process.returncode != 0 or peak > LIMIT_GIB or most > own:
        sys.exit(f"{name}: failed, or over {LIMIT_GIB} GiB, or over {own} GiB of its own")


def anonymous(pid: int) -> float:
    """Return the memory of a process that no file backs, in GiB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 2**20 for line in lines if line.startswith("RssAnon:")), 0.0)


def serve_once(assay: Path, bundle: Path) -> None:
    """Serve the bundle on a free port, score two responses, rank them, and stop the server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    server = subprocess.Popen([str(assay), "serve", "--no-builtin", "--bundle", str(bundle), "--listen", address])
    try:
        while not ready(address):
            if server.poll() is not None or time.monotonic() - start > 900:
                sys.exit("serve: the server did not become ready")
            time.sleep(1)
        body = {"items": [{"prompt": "What is 12 + 30?", "response": text} for text in ("42", "It is 41.")]}
        answer = post(f"http://{address}/v1/score", body)
        print("serve:", [result["score"] for result in answer["results"]], answer["timings"], flush=True)
    finally:
        server.terminate()
    judge("serve", server, start)


def ready(address: str) -> bool:
    """Tell whether the server says that its model scores."""
    try:
        return urllib.request.urlopen(f"http://{address}/readyz", timeout=60).status == 200
    except OSError:
        return False


def post(url: str, body: dict) -> dict:
    """Send JSON and return the JSON answered."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=300))


def main() -> None:
    """Make, export, verify and serve."""
    parser = argparse.ArgumentParser("python -m parity.large", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="directory to write, about 3 GB")
    parser.add_argument("--assay", type=Path, default=Path("../../bin/assay"))
    parser.add_argument("--dtype", default="bfloat16")
    given = parser.parse_args()
    checkpoint, bundle = given.out / "checkpoint", given.out / f"qwen2-1b-{given.dtype}"
    if not checkpoint.exists():
        print(f"{write_checkpoint(checkpoint) / 1e9:.2f} billion parameters in {checkpoint}", flush=True)
    measured("export", [sys.executable, "-m", "assay_export", str(checkpoint), str(bundle), "--dtype", given.dtype,
                        "--licence", "Apache-2.0"], OWN_GIB)
    measured("verify", [str(given.assay), "verify", str(bundle)])
    serve_once(given.assay, bundle)


if __name__ == "__main__":
    main()
