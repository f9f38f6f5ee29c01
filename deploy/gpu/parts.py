"""The parts of the check. Each is a function of Given that gives what goes into the results, or raises Failed with one
sentence."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys

import served
from attention import attention
from given import Failed, Given, run, say
from layers import layers
from machine import HERE, Missing

TOLERANCE = 1e-3  # relative where a score is above 1: sums of float32 products in another order
SANITIZERS = ("memcheck", "racecheck", "initcheck")
EXACT = {"CUBLAS_WORKSPACE_CONFIG": ":16:8", "ORT_CUDA_GEMM_OPTIONS": "2"}
"""What the server sets for itself: sums that are not cut by the number of rows, and none in half precision."""


def bundles():
    """Gives the folder's bundles, the smallest first."""
    every = [bundle for bundle in (HERE / "bundles").iterdir() if bundle.is_dir()]
    return sorted(every, key=lambda bundle: sum(file.stat().st_size for file in bundle.iterdir() if file.is_file()))


def scores(given):
    """Every bundle's scores on the device against those on the processors, and their bits alone, in a batch and once
    more."""
    return {bundle.name: compared(bundle, given) for bundle in bundles()}


def compared(bundle, given):
    """Gives the largest difference of a bundle's scores, and how many have the same bits alone as in a batch, and from
    the cache."""
    found = []
    for where in ("cpu", given.device):
        with served.Served(HERE, bundle, where, given.environment) as server:
            if where == given.device and not given.rehearse and server.model["provider"] != "CUDA":
                raise Failed(f"{bundle.name} is served by {server.model['provider']}, not by the CUDA provider")
            found.append(server.scores())
            bits = server.bits()
    worst = max(abs(a - b) / max(1, abs(a)) for a, b in zip(*found, strict=True))
    say(f"{bundle.name}: {len(found[0])} scores, {given.device} and cpu differ by {worst:.2g} at most; of {bits['of']} have the same bits alone: "
        f"{bits['alone']}, from the cache: {bits['again']}")
    if not worst <= max(TOLERANCE, 2 * server.drift()):
        raise Failed(f"{bundle.name}: the scores on {given.device} differ by {worst:.3g}, and {max(TOLERANCE, 2 * server.drift()):.3g} is allowed")
    return {"difference": worst, "bits": bits}


def products(given):
    """Products of the sizes of an 8B model by cuBLAS: rates, and the numbers of rows in which a row has other bits than
    alone."""
    quick = ["--quick"] if given.rehearse else []
    free = {key: value for key, value in given.libraries.items() if key not in EXACT}
    found = {}
    for name, environment in (("exact", free | EXACT), ("free", free)):
        found[name] = json.loads(run([sys.executable, HERE / "products.py", *quick], environment).splitlines()[-1])
        for one in found[name]["products"]:
            best = max(one["tflops"].values())
            say(f"{name} {one['product']} {one['type']}: {best:.0f} Tflop/s at most; other bits at {one['other_bits'] or 'no number'} of rows")
    return {"products": found["exact"]["products"], "free": found["free"]["products"]}


def served_tokens(given):
    """The tokens a second of the largest bundle, and what PyTorch does on the same device."""
    bundle = bundles()[-1]
    with served.Served(HERE, bundle, given.device, given.environment) as server:
        found = {"bundle": bundle.name, "tokens_per_second": server.speed()}
    say(f"{bundle.name}: {found['tokens_per_second']:.0f} tokens a second served")
    if given.rehearse or not importlib.util.find_spec("torch"):
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


def kernels(given):
    """Every kernel against its float64 definition and its rate, the products of linear layers as cuBLASLt is asked for
    them, whose rows must keep their bits, and every head graph on the device against ONNX Runtime on the processors."""
    environment = given.libraries | ({} if given.rehearse else {"ASSAY_REQUIRE_GPU": "1"})
    environment.pop("FAKECUDA_SEED", None)
    tests = [HERE / "device.test", "-test.v"]
    said = run([*tests, "-test.bench", ".", "-test.benchtime", "2x" if given.rehearse else "20x"], environment)
    errors = re.findall(r"(\S+): worst error (\S+)", said) or re.findall(r"worst error.*", said)
    rates = {}
    for name, figures in re.findall(r"^BenchmarkKernels/(\S+?)(?:-\d+)?\s+\d+\s+(.*)$", said, re.MULTILINE):
        rates[name] = {unit: float(value) for value, unit in re.findall(r"(\S+) (\S+)", figures)}
    if not errors or not rates:
        raise Failed(f"the kernels' tests say nothing of their errors or rates:\n{said[-2000:]}")
    for name, figures in rates.items():
        share = figures.get("%peak")
        flops = figures.get("TFLOP/s")
        say(f"{name}: {figures['GB/s']:.0f} GB/s" + (f", {share:.0f} % of the peak" if share else "") + (f", {flops:.0f} Tflop/s" if flops else ""))
    graphs = HERE / "kernels" / "graphs"
    heads = run([graphs / "graphs.test", "-test.v", "-test.run", "Device"], environment, graphs)
    if "--- PASS: TestDevice/heads" not in heads:
        raise Failed(f"the head graphs' test says nothing of the heads:\n{heads[-2000:]}")
    return {"errors": errors, "rates": rates}


def sanitizers(given):
    """The kernels under compute-sanitizer, where it is installed."""
    tests, seen = [HERE / "device.test", "-test.v", "-test.run", "Kernels"], []
    if shutil.which("compute-sanitizer") and not given.rehearse:
        for tool in SANITIZERS:
            run(["compute-sanitizer", "--tool", tool, "--error-exitcode", "1", *tests], os.environ | {"ASSAY_REQUIRE_GPU": "1"})
            seen.append(tool)
    say(f"compute-sanitizer: {', '.join(seen) or 'not installed, so it saw nothing'}")
    return seen


PARTS = {"scores": (scores, 90), "products": (products, 80), "attention": (attention, 50), "layers": (layers, 140), "served": (served_tokens, 60),
         "kernels": (kernels, 130), "sanitizers": (sanitizers, 50)}
"""Every part with the seconds that it may take, those first that say most: together ten minutes."""


def main(name, rehearse, environment, out):
    """Runs one part, and writes what it found to a file."""
    given = Given(rehearse, environment, out)
    try:
        given.keep(PARTS[name][0](given))
    except (Failed, Missing, RuntimeError, OSError, subprocess.SubprocessError) as problem:
        sys.exit(f"gpu-check: {name}: {problem}")
