"""The part of the check that serves four layers of the shape of Llama-3.1-8B, by stock operators and by ours."""

import importlib.util
import json
import os
import pathlib
import random
import statistics
import sys

import drawn
import machine
import served
from given import Failed, run, say
from machine import HERE

LENGTHS, SMALL_LENGTHS = (512, 2048, 8192), (16, 64, 256)
RUNS, SMALL_RUNS = 7, 2
RESPONSES = 16
HIDDEN, INTERMEDIATE, HEADS, GROUPS, HEAD, LAYERS = 4096, 14336, 32, 8, 128, 4


def layers(given):
    """Four layers of the shape of Llama-3.1-8B in float16, served: milliseconds a layer and tokens a second for one
    text of 512, 2,048 and 8,192 tokens, for sixteen responses behind one prompt and for sixteen texts of their own, the
    share of the device's peak, and the memory taken. PyTorch's own layers of that shape in bfloat16 are the bar."""
    peak = None if given.rehearse else machine.peak(machine.driver()[0])
    found, first = {"peak": peak, "pytorch": None}, None
    for form in ("stock", "assay"):
        bundle = HERE / "layers" / (f"small-{form}" if given.rehearse else form)
        drawn.draw(bundle, first)
        found[form] = measured(bundle, given, peak)
        if first is None and not given.rehearse and importlib.util.find_spec("torch"):
            found["pytorch"] = bar()
        first = bundle
        given.keep(found)
        for tokens, ms in (found["pytorch"] or {}).get("ms_a_layer", {}).items():
            say(f"{form}, {tokens} tokens: {ms / found[form]['lengths'][tokens]['ms_a_layer']:.2f} of PyTorch's speed, {ms:.3f} ms a layer")
    return found


def bar():
    """Gives what PyTorch makes of such layers."""
    found = json.loads(run([sys.executable, HERE / "bar.py"], dict(os.environ)).splitlines()[-1])
    return found | {"tflops": {tokens: operations(int(tokens), whole=True) / ms / 1e9 for tokens, ms in found["ms_a_layer"].items()}}


def measured(bundle, given, peak):
    """Gives what one bundle's server does."""
    lengths, runs = (SMALL_LENGTHS, SMALL_RUNS) if given.rehearse else (LENGTHS, RUNS)
    before = machine.memory()
    with served.Served(HERE, bundle, given.device, given.environment, "--batch-tokens", str(lengths[-1])) as server:
        found = {"golden": golden(server, bundle), "bits": server.bits(), "lengths": {}}
        for tokens in lengths:
            ms = statistics.median(server.ask("/v1/score", {"items": texts(server, 1, tokens, run)})["timings"]["run_ms"] for run in range(runs))
            found["lengths"][str(tokens)] = figures = {"ms": ms, "ms_a_layer": ms * operations(tokens, whole=True) / operations(tokens),
                                                       "tokens_per_second": 1e3 * tokens / ms, "tflops": LAYERS * operations(tokens) / ms / 1e9}
            figures["share_of_peak"] = figures["tflops"] * 1e12 / peak if peak else None
            say(f"{bundle.name}, {tokens} tokens: {figures['ms_a_layer']:.3f} ms a layer, {figures['tokens_per_second']:.0f} tokens a second by {LAYERS}, "
                + (f"{100 * figures['share_of_peak']:.0f} % of the peak" if peak else "and the peak of this device is not known"))
        found["best_of_16"] = many(server, bundle, behind(server, lengths[1] // 2, lengths[0] // 2))
        found["distinct"] = many(server, bundle, texts(server, RESPONSES, lengths[0], "distinct"))
        found["memory"] = machine.memory() - before
    bits = found["bits"]
    say(f"{bundle.name}: {found['memory'] / 1e9:.1f} GB taken; golden pairs differ by {found['golden']:.2g}; of {bits['of']} texts have the same bits "
        f"alone: {bits['alone']}, from the cache: {bits['again']}")
    return found


def operations(tokens, whole=False):
    """Gives the floating-point operations of a layer for one text; whole: of one that gives every row. The last of the
    graph's goes on behind its attention with the row that is read alone, and an average layer has so much less."""
    rows = tokens if whole else tokens * (LAYERS - 1) / LAYERS
    products = tokens * HIDDEN * (HEADS + 2 * GROUPS) * HEAD + rows * (HEADS * HEAD * HIDDEN + 3 * HIDDEN * INTERMEDIATE)
    return 2 * products + 4 * HEADS * HEAD * tokens * (tokens + 1) / 2


def texts(server, count, tokens, seed):
    """Gives random items, which no other seed has."""
    rng = random.Random(f"{tokens} tokens, {seed}")
    return [{"input_ids": [rng.randrange(server.model["vocab_size"]) for _ in range(tokens)]} for _ in range(count)]


def behind(server, prompt, tokens):
    """Gives items that begin with one prompt."""
    before = texts(server, 1, prompt, "prompt")[0]["input_ids"]
    return [{"input_ids": before + item["input_ids"]} for item in texts(server, RESPONSES, tokens, "responses")]


def many(server, bundle, items):
    """Gives what one request of many items takes, from end to end."""
    server.ask("/v1/score", {"items": texts(server, RESPONSES, 16, "warm")})
    answer = server.ask("/v1/score", {"items": items})
    if any("error" in result for result in answer["results"]):
        raise Failed(f"{bundle.name}: an item has no score")
    asked, computed, ms = answer["usage"]["tokens"], answer["usage"]["computed_tokens"], answer["timings"]["total_ms"]
    say(f"{bundle.name}, {len(items)} items at once: {ms:.1f} ms for {asked} tokens, of which {computed} were computed")
    return {"ms": ms, "tokens": asked, "computed_tokens": computed, "tokens_per_second": 1e3 * asked / ms}


def golden(server, bundle):
    """Gives how far the scores of the golden pairs are from PyTorch's in float32, relative where one is above 1."""
    pairs = [json.loads(line) for line in pathlib.Path(bundle / "golden.jsonl").read_text(encoding="utf-8").splitlines()]
    results = server.ask("/v1/score", {"items": [pair["item"] for pair in pairs]})["results"]
    worst = max(abs(result["raw"] - pair["score"]) / max(1, abs(pair["score"])) for result, pair in zip(results, pairs, strict=True))
    if not worst <= max(1e-4, 2 * server.drift()):
        raise Failed(f"{bundle.name}: golden pairs differ from PyTorch by {worst:.3g}, and {2 * server.drift():.3g} is allowed")
    return worst
