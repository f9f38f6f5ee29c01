#!/usr/bin/env python3
"""Checks Assay on this machine's GPU, and measures it. Without a GPU it fails. Run it in the folder that folder.sh made:

    check.py              every check; writes gpu-DEVICE.json here
    check.py --rehearse   the same steps on a machine without a GPU, with a driver for tests: the kernels run on that, the server on the
                          processors. It proves these scripts and nothing else, and writes nothing.

1. Every kernel against its float64 definition, every head graph on the device against ONNX Runtime on the processors; each kernel's rate
   and its share of the peak memory bandwidth; under compute-sanitizer where it is installed.
2. Every bundle's scores on the CUDA provider against those on the processors.
3. The tokens a second of the largest bundle, beside PyTorch on the same device where it is installed.
"""

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import machine
import served
from machine import HERE

TOLERANCE = 1e-3  # relative where a score is above 1: sums of float32 products in another order
SANITIZERS = ("memcheck", "racecheck", "initcheck")


def say(line):
    print(f"gpu-check: {line}", flush=True)


def fail(why):
    sys.exit(f"gpu-check: {why}")


def run(command, environment, where=HERE):
    """Runs a command and gives what it printed; its failure ends the check."""
    done = subprocess.run(command, env=environment, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        fail(f"{' '.join(map(str, command))} ends with status {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def kernels(rehearse):
    """Checks and measures the kernels."""
    environment = os.environ | ({} if rehearse else {"ASSAY_REQUIRE_GPU": "1"})
    environment.pop("FAKECUDA_SEED", None)
    tests = [HERE / "device.test", "-test.v"]
    said = run([*tests, "-test.bench", ".", "-test.benchtime", "2x" if rehearse else "20x"], environment)
    errors = re.findall(r"(\S+): worst error (\S+)", said) or re.findall(r"worst error.*", said)
    rates = {}
    for name, figures in re.findall(r"^BenchmarkKernels/(\S+?)(?:-\d+)?\s+\d+\s+(.*)$", said, re.MULTILINE):
        rates[name] = {unit: float(value) for value, unit in re.findall(r"(\S+) (\S+)", figures)}
    if not errors or not rates:
        fail(f"the kernels' tests say nothing of their errors or rates:\n{said[-2000:]}")
    for name, figures in rates.items():
        share = figures.get("%peak")
        say(f"{name}: {figures['GB/s']:.0f} GB/s" + (f", {share:.0f} % of the peak" if share else ""))
    graphs = HERE / "kernels" / "graphs"
    heads = run([graphs / "graphs.test", "-test.v", "-test.run", "Device"], environment, graphs)
    if "--- PASS: TestDevice/heads" not in heads:
        fail(f"the head graphs' test says nothing of the heads:\n{heads[-2000:]}")
    sanitized = []
    if shutil.which("compute-sanitizer") and not rehearse:
        for tool in SANITIZERS:
            run(["compute-sanitizer", "--tool", tool, "--error-exitcode", "1", *tests, "-test.run", "Kernels"], environment)
            sanitized.append(tool)
    say(f"kernels and head graphs hold; compute-sanitizer: {', '.join(sanitized) or 'not installed, so it saw nothing'}")
    return {"errors": errors, "rates": rates, "sanitized": sanitized}


def compare(bundle, device, environment):
    """Gives the largest difference of a bundle's scores between the device and the processors."""
    scores = []
    for where in ("cpu", device):
        with served.Served(HERE, bundle, where, environment) as server:
            if where == device and device != "cpu" and server.model["provider"] != "CUDA":
                fail(f"{bundle.name} is served by {server.model['provider']}, not by the CUDA provider")
            scores.append(server.scores())
    worst = max(abs(a - b) / max(1, abs(a)) for a, b in zip(*scores, strict=True))
    say(f"{bundle.name}: {len(scores[0])} scores, {device} and cpu differ by {worst:.2g} at most")
    if not worst <= TOLERANCE:
        fail(f"{bundle.name}: the scores on {device} differ by {worst:.3g}, and {TOLERANCE} is allowed")
    return worst


def measure(bundle, device, environment):
    """Gives what is served a second, and what PyTorch does on the same device."""
    with served.Served(HERE, bundle, device, environment) as server:
        found = {"bundle": bundle.name, "tokens_per_second": server.speed()}
    say(f"{bundle.name}: {found['tokens_per_second']:.0f} tokens a second served")
    if device == "cpu" or not importlib.util.find_spec("torch"):
        return found | {"pytorch": None}
    checkpoint = [HERE / "checkpoint"] if (HERE / "checkpoint").exists() else []
    found["pytorch"] = torch = json.loads(run([sys.executable, HERE / "speed.py", *checkpoint], dict(os.environ)).splitlines()[-1])
    for kind, rate in torch["product_flops"].items():
        say(f"PyTorch multiplies {kind} matrices at {rate / 1e12:.0f} Tflop/s")
    if "model" in torch:
        found["share_of_pytorch"] = found["tokens_per_second"] / torch["model"]["tokens_per_second"]
        found["share_of_product_peak"] = 2 * torch["model"]["parameters"] * found["tokens_per_second"] / torch["product_flops"]["float32"]
        say(f"served: {found['share_of_pytorch']:.2f} of PyTorch's tokens, {found['share_of_product_peak']:.2f} of the float32 product's peak")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rehearse", action="store_true", help="without a GPU, with a driver for tests in LD_LIBRARY_PATH")
    rehearse = parser.parse_args().rehearse
    try:
        name, version = machine.driver()
    except machine.Missing as missing:
        fail(missing)
    say(f"{name}, driver for CUDA {version // 1000}.{version % 1000 // 10}")
    device = "cpu" if rehearse else "cuda:0"
    results = {"device": name, "cuda": version, "commit": (HERE / "commit").read_text().strip(), "kernels": kernels(rehearse)}
    environment = machine.environment(machine.libraries())
    bundles = sorted((HERE / "bundles").iterdir(), key=lambda b: sum(f.stat().st_size for f in b.iterdir() if f.is_file()))
    bundles = [b for b in bundles if b.is_dir()]
    results["differences"] = {bundle.name: compare(bundle, device, environment) for bundle in bundles}
    results["served"] = measure(bundles[-1], device, environment)
    if rehearse:
        say("the rehearsal is over: nothing of it says anything of a GPU")
        return
    out = HERE / f"gpu-{re.sub('[^a-z0-9]+', '-', name.lower())}.json"
    out.write_text(json.dumps(results, indent=1) + "\n")
    say(f"all of it holds; {out.name} goes to bench/results")


if __name__ == "__main__":
    main()
