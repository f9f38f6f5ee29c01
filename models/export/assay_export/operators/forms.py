"""The functions of a file: of each operator that it uses one form."""

from collections.abc import Collection
from dataclasses import dataclass

import onnx
from onnx import parser

from . import attention, rows

DOMAIN, VERSION = "assay", 1
EVERY_KEY = 2 ** 31 - 1
"""The window of layers that have none."""


@dataclass(frozen=True)
class Form:
    """What the bodies of one file compute: a file has one form of each operator."""

    compute: int
    """The type of activations, weights and pools, one of onnx.TensorProto's."""
    head_norm: bool = False
    """Queries and keys are normed head by head before they are turned."""
    turns: bool = True
    """Queries and keys are turned."""
    softcap: bool = False
    causal: bool = True


def functions(form: Form, used: Collection[str]) -> list[onnx.FunctionProto]:
    """Return the functions of the operators with these names, in the order of their names."""
    turn = {side: attention.TURN.replace("X", side).replace("IN", f"normed_{side}" if form.head_norm else side) for side in ("q", "k")}
    if form.head_norm:
        turn = {side: norm(side, weight, f"normed_{side}") + turn[side] for side, weight in (("q", "query_norm"), ("k", "key_norm"))}
    turns = attention.TURNS.replace("TURN(q)", turn["q"]).replace("TURN(k)", turn["k"]) if form.turns else attention.STILL
    texts = {
        "AddLayerNorm": rows.ADD_LAYER_NORM,
        "AddRmsNorm": rows.ADD_RMS_NORM.replace("NORM(summed, weight, all)", norm("summed", "weight", "all")),
        "GeGLU": rows.GEGLU, "Gelu": rows.GELU, "Linear": rows.LINEAR, "Linear8": rows.LINEAR8, "QuantizeRows": rows.QUANTIZE_ROWS,
        "Rotate": attention.ROTATE.replace("TURNS", turns), "RotateQkv": attention.ROTATE_QKV.replace("TURNS", turns), "SwiGLU": rows.SWIGLU,
        "TileAttention": attention.TILE_ATTENTION.replace("LOGITS", attention.CAPPED if form.softcap else attention.PLAIN).replace(
            "SEEN", attention.CAUSAL if form.causal else attention.BOTH_WAYS),
    }
    head = f'<domain: "{DOMAIN}", opset_import: ["": 23]>'
    return [parser.parse_function(head + text.replace("TYPE", str(form.compute))) for name, text in texts.items() if name in used]


def norm(of: str, weight: str, into: str) -> str:
    """Return the nodes of a root mean square norm, whose values have names of their own."""
    return rows.NORM.replace("OUT", into).replace("IN", of).replace("WEIGHT", weight)
