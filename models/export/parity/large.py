"""A model of a billion parameters or of eight, from checkpoint to answer, within a stated memory: `python -m parity.large OUT`.

Writes a random reward checkpoint in bfloat16 shards, exports it, verifies the bundle and serves one request, each as a user would, in a process
of its own. Prints the largest resident memory of each and fails above the limit. What the export holds besides the mapped files must stay below
one float32 copy of the weights. Checkpoint and bundle take two bytes a parameter each, but for `qwen2` in float32: 16 GB and 16 GB of `qwen3-8b`.
Where a disk has not both, `--checkpoint /dev/shm/x --free` keeps the checkpoint in memory while it is exported, and not a moment longer.
"""

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from transformers import AutoModelForSequenceClassification, Qwen2Config, Qwen3Config, Qwen3MoeConfig

from assay_export import tiny

LIMIT_GIB = 20
SHARD_BYTES = 500_000_000
BLOCK = 1 << 24
"""Numbers that are drawn at once, in float32."""


def qwen3(hidden: int, intermediate: int, layers: int, heads: int) -> Qwen3Config:
    """Return the sizes of one of Qwen's own models."""
    return Qwen3Config(vocab_size=151936, hidden_size=hidden, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=heads,
                       num_key_value_heads=8, head_dim=128, max_position_embeddings=4096, num_labels=1,
                       architectures=["Qwen3ForSequenceClassification"])


CONFIGS = {
    "qwen2": (Qwen2Config(vocab_size=151936, hidden_size=1536, intermediate_size=6144, num_hidden_layers=24, num_attention_heads=12,
                          num_key_value_heads=2, max_position_embeddings=4096, tie_word_embeddings=True, num_labels=1,
                          architectures=["Qwen2ForSequenceClassification"]), 3.8),
    "qwen3-moe": (Qwen3MoeConfig(vocab_size=32768, hidden_size=2048, moe_intermediate_size=2048, num_experts=8, num_experts_per_tok=2,
                                 num_hidden_layers=8, num_attention_heads=16, num_key_value_heads=4, head_dim=128, max_position_embeddings=4096,
                                 norm_topk_prob=True, num_labels=1, architectures=["Qwen3MoeForSequenceClassification"]), 3.0),
    "qwen3-0.6b": (qwen3(1024, 3072, 28, 16), 2.2),
    "qwen3-1.7b": (qwen3(2048, 6144, 28, 16), 6.4),
    "qwen3-8b": (qwen3(4096, 12288, 36, 32), 15),
}
"""Models by name, each with the limit of the export's own memory in GiB, without the checkpoint's mapped files, which is less than one
float32 copy of its weights."""


def write_checkpoint(directory: Path, config, tokenizer: Tokenizer, seed: int = 0) -> int:
    """Write config, sharded random weights and a tokenizer of Qwen2's kind; return the number of parameters."""
    directory.mkdir(parents=True)
    tiny.write_tokenizer(directory, tokenizer, tiny.FAMILIES["qwen2"])
    config.pad_token_id = tokenizer.token_to_id(tiny.FAMILIES["qwen2"].pad)
    config.save_pretrained(directory)
    with torch.device("meta"):
        whole = {name: tensor.shape for name, tensor in AutoModelForSequenceClassification.from_config(config).state_dict().items()}
    shapes = {own: size for name, shape in whole.items() for own, size in published(name, shape).items()}
    generator = torch.Generator().manual_seed(seed)
    shard, size, files = {}, 0, {}
    for name, shape in shapes.items():
        shard[name] = torch.empty(shape, dtype=torch.bfloat16)
        for part in shard[name].view(-1).split(BLOCK):
            noise = torch.randn(part.shape, generator=generator)
            part.copy_(1 + 0.1 * noise if "norm" in name else 0.02 * noise)
        size += shard[name].nbytes
        if size >= SHARD_BYTES or name == list(shapes)[-1]:
            file = f"model-{len(set(files.values())):05}.safetensors"
            save_file(shard, directory / file, metadata={"format": "pt"})
            files |= dict.fromkeys(shard, file)
            shard, size = {}, 0
    index = {"metadata": {}, "weight_map": files}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return sum(shape.numel() for shape in shapes.values())


def published(name: str, shape: torch.Size) -> dict[str, torch.Size]:
    """Return the weights that a published checkpoint has for one of transformers' module: each expert's are apart."""
    block, _, part = name.rpartition(".experts.")
    if not block:
        return {name: shape}
    number, rows, columns = shape
    pieces = {"gate_proj": rows // 2, "up_proj": rows // 2} if part == "gate_up_proj" else {"down_proj": rows}
    return {f"{block}.experts.{at}.{piece}.weight": torch.Size((own, columns)) for at in range(number) for piece, own in pieces.items()}


def measured(name: str, command: list[str], own: float = LIMIT_GIB) -> None:
    """Run a command to its end and say how much memory it had at most; exit when it fails or takes more than LIMIT_GIB, or own of its own."""
    print(f"== {name}: {' '.join(command)}", flush=True)
    start = time.monotonic()
    judge(name, subprocess.Popen(command), start, own)


def judge(name: str, process: subprocess.Popen, start: float, own: float = LIMIT_GIB) -> None:
    """Wait for a process and hold it to the limits."""
    peak, most = watch(process)
    print(f"{name}: exit {process.returncode}, {peak:.1f} GiB at most, {most:.1f} of them its own, {time.monotonic() - start:.0f} s", flush=True)
    if process.returncode != 0 or peak > LIMIT_GIB or most > own:
        sys.exit(f"{name}: failed, or over {LIMIT_GIB} GiB, or over {own} GiB of its own")


def watch(process: subprocess.Popen) -> tuple[float, float]:
    """Wait for a process; return the most memory that it had, in GiB, and the most that no file backs."""
    most = 0.0
    while True:
        most = max(most, anonymous(process.pid))
        done, status, usage = os.wait4(process.pid, os.WNOHANG)
        if done:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_maxrss / 2**20, most
        time.sleep(0.05)


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


def options() -> argparse.Namespace:
    """Return the command line's options."""
    parser = argparse.ArgumentParser("python -m parity.large", description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="directory to write")
    parser.add_argument("--assay", type=Path, default=Path("../../bin/assay"))
    parser.add_argument("--model", choices=CONFIGS, default="qwen2",
                        help="those of Qwen's own sizes are exported with --compute bfloat16 --operators assay")
    parser.add_argument("--checkpoint", type=Path, help="where the checkpoint is written (default: in OUT); one that is there is taken")
    parser.add_argument("--free", action="store_true", help="delete the checkpoint that this run made once it is exported")
    parser.add_argument("--export-only", action="store_true", help="export without the check, which holds the whole model, and neither verify nor serve")
    parser.add_argument("--dtype", default="bfloat16")
    return parser.parse_args()


def main() -> None:
    """Make, export, verify and serve."""
    given = options()
    checkpoint, bundle = given.checkpoint or given.out / f"{given.model}-checkpoint", given.out / f"{given.model}-{given.dtype}"
    config, own = CONFIGS[given.model]
    made = not checkpoint.exists()
    if made:
        tokenizer = tiny.family_tokenizer("qwen2", 8192, tiny.sentences(0, 30000, 20000))
        print(f"{write_checkpoint(checkpoint, config, tokenizer) / 1e9:.2f} billion parameters in {checkpoint}", flush=True)
    native = ["--compute", "bfloat16", "--operators", "assay", "--no-check"] if isinstance(config, Qwen3Config) else ["--dtype", given.dtype]
    measured("export", [sys.executable, "-m", "assay_export", str(checkpoint), str(bundle), *native, "--licence", "Apache-2.0", "--assay",
                        str(given.assay), *(["--no-check"] if given.export_only else [])], own)
    if given.free and made:
        shutil.rmtree(checkpoint)
    if given.export_only:
        return
    measured("verify", [str(given.assay), "verify", str(bundle)])
    serve_once(given.assay, bundle)


if __name__ == "__main__":
    main()
