"""What the page shows of the results: lines of the roofline, and the rows of its tables."""

import re

from layers import GROUPS, HEAD, HEADS, HIDDEN, INTERMEDIATE, operations

ATTENTION = ("type / keys", "ms", "Tflop/s", "kernel", "same bits alone", "TileAttention, bfloat16, Tflop/s")
LAYERS = ("form, tokens", "ms a layer", "tokens/s of four", "Tflop/s", "share of peak", "of PyTorch's speed")


def found(parts, name):
    """Gives what a part found, which may be nothing."""
    return parts.get(name, {}).get("found") or {}


def ours(parts):
    """Gives the rates of our TileAttention at the same shapes, by the number of keys."""
    rates = found(parts, "kernels").get("rates", {})
    return {match[1]: figures["TFLOP/s"] for name, figures in rates.items() if (match := re.fullmatch(rf"attention/{HEADS}x{GROUPS}x{HEAD}/(\d+)", name))}


def curves(parts):
    """Gives lines of the roofline: a name, and points of operations for each byte that must move at least, and
    Tflop/s."""
    products = [(f"{one['product']} {one['type']}", [(product(int(rows), one["inner"], one["outer"]), rate) for rows, rate in one["tflops"].items()])
                for one in found(parts, "products").get("products", [])]
    stock = {}
    for name, one in found(parts, "attention").items():
        kind, keys = name.split("/")
        stock.setdefault(f"Attention {kind}", []).append((seen(int(keys)), one["TFLOP/s"]))
    tiles = [(seen(int(keys)), rate) for keys, rate in ours(parts).items()]
    layers = [(f"layers, {form}", [(layer(int(tokens)), one["tflops"]) for tokens, one in measured["lengths"].items()])
              for form, measured in found(parts, "layers").items() if form in ("stock", "assay")]
    bar = (found(parts, "layers").get("pytorch") or {}).get("tflops", {})
    theirs = [(layer(int(tokens)), rate) for tokens, rate in bar.items()]
    every = [*products, *stock.items(), ("TileAttention bfloat16", tiles), *layers, ("layers, PyTorch", theirs)]
    return [(name, points) for name, points in every if points]


def product(rows, inner, outer):
    """Gives the operations of a product in 16 bits for each byte of its factors and of what it gives."""
    return 2 * rows * inner * outer / (2 * (rows * inner + inner * outer + rows * outer))


def seen(keys):
    """Gives the operations of attention in sequences of so many keys for each byte of queries, keys, values and what it
    gives."""
    return 4 * HEADS * HEAD * (keys + 1) / 2 / (2 * 2 * (HEADS + GROUPS) * HEAD)


def layer(tokens):
    """Gives the operations of a layer for each byte of its weights and of the rows that it reads and gives."""
    weights = HIDDEN * (2 * HEADS + 2 * GROUPS) * HEAD + 3 * HIDDEN * INTERMEDIATE
    return operations(tokens, whole=True) / (2 * (weights + 2 * tokens * HIDDEN))


def attention(parts):
    """Gives the rows of the table of attention: ONNX Runtime's, and ours of as many keys beside it."""
    tiles = ours(parts)
    return [(name, f"{one['ms']:.3f}", f"{one['TFLOP/s']:.0f}", one["kernel"] or "", f"{one['%same-bits']:.0f} %",
             f"{tiles[keys]:.0f}" if (keys := name.split("/")[1]) in tiles else "") for name, one in found(parts, "attention").items()]


def layers(parts):
    """Gives the rows of the table of layers: ours for each number of tokens, many items at once, and PyTorch's."""
    told, rows = found(parts, "layers"), []
    bar = (told.get("pytorch") or {}).get("ms_a_layer", {})
    for form in ("stock", "assay"):
        for tokens, one in told.get(form, {}).get("lengths", {}).items():
            share = f"{100 * one['share_of_peak']:.0f} %" if one["share_of_peak"] else "peak not known"
            rows.append((f"{form}, {tokens}", f"{one['ms_a_layer']:.3f}", f"{one['tokens_per_second']:.0f}", f"{one['tflops']:.0f}", share,
                         f"{bar[tokens] / one['ms_a_layer']:.2f}" if tokens in bar else ""))
        for key, what in (("best_of_16", "16 behind one prompt"), ("distinct", "16 texts")):
            if one := told.get(form, {}).get(key):
                name = f"{form}, {what}: {one['tokens']} tokens, {one['computed_tokens']} computed"
                rows.append((name, "", f"{one['tokens_per_second']:.0f}", "", "", ""))
    return rows + [(f"PyTorch bfloat16, {tokens}", f"{ms:.3f}", "", f"{told['pytorch']['tflops'][tokens]:.0f}", "", "1") for tokens, ms in bar.items()]
