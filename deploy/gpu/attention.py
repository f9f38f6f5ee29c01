"""The part of the check that looks at ONNX Runtime's Attention by itself."""

import pathlib
import re

from given import Failed, run, say
from machine import HERE

RUNS = "20x"


def attention(given):
    """ONNX Runtime's Attention over gathered tiles, as graphs of stock operators have it, at the shapes of an 8B layer:
    milliseconds, Tflop/s of the pairs that are seen, the kernel that is chosen, and the share of sequences that have
    the bits among others that they have alone. What our TileAttention does of the same sizes, the part kernels
    tells."""
    library = pathlib.Path(given.environment["LD_LIBRARY_PATH"].split(":")[0]) / "libonnxruntime.so.1.27.0"
    environment = given.environment | {"ASSAY_ONNXRUNTIME": str(library), "ASSAY_ATTENTION": str(HERE / "attention")}
    environment |= {} if given.rehearse else {"ASSAY_REQUIRE_GPU": "1"}
    tests = HERE / "onnxrun.test"
    timed = run([tests, "-test.run", "^$", "-test.bench", "Attention", "-test.benchtime", "2x" if given.rehearse else RUNS], environment)
    found = rates(timed)
    if not found:
        raise Failed(f"the test of attention says nothing of its rate:\n{timed[-2000:]}")
    given.keep({name: figures | {"kernel": None} for name, figures in found.items()})
    taken = kernels(run([tests, "-test.run", "AttentionTells"], environment))
    for name, figures in found.items():
        figures["kernel"] = taken.get(name)
        if figures["kernel"] is None and not given.rehearse:
            raise Failed(f"ONNX Runtime does not say which kernel it takes for attention {name}")
        say(f"attention {name}: {figures['ms']:.3f} ms, {figures['TFLOP/s']:.1f} Tflop/s, {figures['kernel'] or 'on processors, which name no kernel'}; "
            f"{figures['%same-bits']:.0f} % have the same bits among others as alone")
    return found


def rates(said):
    """Reads the lines of Go's benchmarks: the figures of each by its type and its number of keys."""
    lines = re.findall(r"^BenchmarkAttention/(\w+/\d+)(?:-\d+)?\s+\d+\s+(.*)$", said, re.MULTILINE)
    return {name: {unit: float(value) for value, unit in re.findall(r"(\S+) (\S+)", figures)} for name, figures in lines}


def kernels(log):
    """Reads ONNX Runtime's log: the way that attention goes behind each line that says what is run."""
    taken, name = {}, None
    for line in log.splitlines():
        if begun := re.match(r"attention (\w+/\d+)$", line):
            name = begun[1]
        elif way := re.search(r"Attention: using (.+?)(?: path)? \(", line):
            taken[name] = way[1]
    return taken
