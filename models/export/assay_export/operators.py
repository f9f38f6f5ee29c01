"""The operators of domain `assay`, each as a function of plain operators that stands in the file beside the nodes that
call it.

A runtime that has kernels for them (docs/GPU.md) runs these; any other runs the bodies, which compute in float32 and
round to the compute type where the kernels do. Shapes: T tokens, h hidden, H heads and G key heads of d numbers, S
slots of a pool, R tiles of Q queries and K keys.

    AddRmsNorm     (residual f32 [T, h], x [T, h], weight f32 [h]) → (normed [T, h], residual + x f32 [T, h])
    Linear         (x [T, k], weight [n, k], bias [n]) → [T, n]
    Rotate         (qkv [T, (H + 2G)·d], positions [T], cos and sin f32 [places, r / 2], query_norm and key_norm f32 [d], slots [T],
                    key_pool and value_pool [S, G, d]) → (queries [T, H·d], key_pool and value_pool with the tokens in their slots)
    TileAttention  (queries [T, H·d], positions [T], query_index [R, Q], key_slots [R, K], key_len [R], scatter_index [T],
                    key_pool, value_pool) → [T, H·d]
    SwiGLU         (gate and up [T, 2m]) → silu(gate) · up [T, m]
    QuantizeRows   (x [T, k]) → (levels int8 [T, k], row_scale f32 [T]), so that levels · row_scale is near x
    Linear8        (levels int8 [T, k], row_scale f32 [T], weight int8 [n, k], scale f32 [n], bias [n]) → [T, n]

Rotate's attribute `heads` has H, G and G, `turned` how many of a head's numbers are turned and how many are not; where
`normed` is 1, queries and keys are normed head by head before that. A tile's key place j has position j of its
sequence: a query sees it where it lies before key_len, fewer than `window` positions from it, and not after it where
the body is causal. QuantizeRows divides each row by max|x| / 127 and rounds to whole numbers, and Linear8 multiplies
them by those of the weights: its sums are exact. A row that is not finite has a scale of NaN, and so a result of NaN.
"""

from dataclasses import dataclass

import onnx
from onnx import parser

from .store.int8 import SMALLEST, STEPS, ZERO

DOMAIN, VERSION = "assay", 1
EVERY_KEY = 2 ** 31 - 1
"""The window of layers that have none."""

ADD_RMS_NORM = """
AddRmsNorm <epsilon> (residual, x, weight) => (normed, summed) {
  wide = Cast <to = 1> (x)
  summed = Add (residual, wide)
  NORM(summed, weight, all)
  normed = Cast <to = TYPE> (all)
}"""

LINEAR = """
Linear (x, weight, bias) => (y) {
  wide = Cast <to = 1> (x)
  columns = Cast <to = 1> (weight)
  rows = Transpose <perm = [1, 0]> (columns)
  product = MatMul (wide, rows)
  added = Cast <to = 1> (bias)
  sum = Add (product, added)
  y = Cast <to = TYPE> (sum)
}"""

SWIGLU = """
SwiGLU (x) => (y) {
  wide = Cast <to = 1> (x)
  gate, up = Split <axis = -1, num_outputs = 2> (wide)
  share = Sigmoid (gate)
  open = Mul (gate, share)
  both = Mul (open, up)
  y = Cast <to = TYPE> (both)
}"""

ROTATE = """
Rotate <heads: ints, turned: ints, normed: int = 0, epsilon: float = 0.0> (qkv, positions, cos, sin, query_norm, key_norm, slots, key_pool, value_pool)
    => (queries, keys, values) {
  wide = Cast <to = 1> (qkv)
  dim = Shape <start = 2, end = 3> (key_pool)
  apart = Constant <value_ints = [0, -1]> ()
  by_head = Concat <axis = 0> (apart, dim)
  shaped = Reshape (wide, by_head)
  each = Constant <value_ints: ints = @heads> ()
  q, k, v = Split <axis = 1> (shaped, each)
  one = Constant <value_ints = [1]> ()
  turns_cos = Gather (cos, positions)
  turns_sin = Gather (sin, positions)
  c = Unsqueeze (turns_cos, one)
  s = Unsqueeze (turns_sin, one)
  parts = Constant <value_ints: ints = @turned> ()
  TURN(q)
  TURN(k)
  narrow_q = Cast <to = TYPE> (turned_q)
  narrow_k = Cast <to = TYPE> (turned_k)
  narrow_v = Cast <to = TYPE> (v)
  queries = Reshape (narrow_q, apart)
  last = Constant <value_ints = [-1]> ()
  places = Unsqueeze (slots, last)
  keys = ScatterND (key_pool, places, narrow_k)
  values = ScatterND (value_pool, places, narrow_v)
}"""

NORM = """
  square_OUT = Mul (IN, IN)
  axis_OUT = Constant <value_ints = [-1]> ()
  mean_OUT = ReduceMean <keepdims = 1> (square_OUT, axis_OUT)
  least_OUT = Constant <value_float: float = @epsilon> ()
  plus_OUT = Add (mean_OUT, least_OUT)
  root_OUT = Sqrt (plus_OUT)
  unit_OUT = Div (IN, root_OUT)
  OUT = Mul (unit_OUT, WEIGHT)"""

TURN = """
  turning_X, still_X = Split <axis = -1> (IN, parts)
  first_X, second_X = Split <axis = -1, num_outputs = 2> (turning_X)
  a_X = Mul (first_X, c)
  b_X = Mul (second_X, s)
  c_X = Mul (second_X, c)
  d_X = Mul (first_X, s)
  left_X = Sub (a_X, b_X)
  right_X = Add (c_X, d_X)
  turned_X = Concat <axis = -1> (left_X, right_X, still_X)"""

TILE_ATTENTION = """
TileAttention <scale: float, window: int, causal: int = 1, softcap: float = 0.0>
    (queries, positions, query_index, key_slots, key_len, scatter_index, key_pool, value_pool) => (mixed) {
  dim = Shape <start = 2, end = 3> (key_pool)
  key_heads = Shape <start = 1, end = 2> (key_pool)
  apart = Constant <value_ints = [0, -1]> ()
  by_head = Concat <axis = 0> (apart, dim)
  shaped = Reshape (queries, by_head)
  heads = Shape <start = 1, end = 2> (shaped)
  group = Div (heads, key_heads)
  tile_q = Gather (shaped, query_index)
  tile_k = Gather (key_pool, key_slots)
  tile_v = Gather (value_pool, key_slots)
  wide_q = Cast <to = 1> (tile_q)
  wide_k = Cast <to = 1> (tile_k)
  wide_v = Cast <to = 1> (tile_v)
  one = Constant <value_ints = [1]> ()
  three = Constant <value_ints = [3]> ()
  ones = Constant <value_ints = [1, 1, 1]> ()
  times = Concat <axis = 0> (ones, group, one)
  thick_k = Unsqueeze (wide_k, three)
  thick_v = Unsqueeze (wide_v, three)
  wider_k = Tile (thick_k, times)
  wider_v = Tile (thick_v, times)
  kept = Constant <value_ints = [0, 0]> ()
  every_head = Concat <axis = 0> (kept, heads, dim)
  all_k = Reshape (wider_k, every_head)
  all_v = Reshape (wider_v, every_head)
  q = Transpose <perm = [0, 2, 1, 3]> (wide_q)
  k = Transpose <perm = [0, 2, 3, 1]> (all_k)
  v = Transpose <perm = [0, 2, 1, 3]> (all_v)
  dots = MatMul (q, k)
  scaled_by = Constant <value_float: float = @scale> ()
  LOGITS
  zero = Constant <value_int = 0> ()
  step = Constant <value_int = 1> ()
  none = Constant <value_ints = [0]> ()
  shape_k = Shape <start = 1, end = 2> (key_slots)
  places = Squeeze (shape_k, none)
  place = Range (zero, places, step)
  last = Constant <value_ints = [-1]> ()
  at = Gather (positions, query_index)
  at_row = Unsqueeze (at, last)
  distance = Sub (at_row, place)
  farthest = Constant <value_int: int = @window> ()
  near = Less (distance, farthest)
  length = Unsqueeze (key_len, last)
  length_row = Unsqueeze (length, last)
  there = Less (place, length_row)
  reach = And (near, there)
  SEEN
  visible = Unsqueeze (seen, one)
  hidden = Constant <value_float = -3.0e38> ()
  masked = Where (visible, logits, hidden)
  weights = Softmax <axis = -1> (masked)
  sums = MatMul (weights, v)
  by_query = Transpose <perm = [0, 2, 1, 3]> (sums)
  flat = Concat <axis = 0> (last, heads, dim)
  rows = Reshape (by_query, flat)
  tokens = Gather (rows, scatter_index)
  joined = Reshape (tokens, apart)
  mixed = Cast <to = TYPE> (joined)
}"""

QUANTIZE_ROWS = f"""
QuantizeRows (x) => (levels, row_scale) {{
  wide = Cast <to = 1> (x)
  size = Abs (wide)
  last = Constant <value_ints = [-1]> ()
  most = ReduceMax <keepdims = 0> (size, last)
  steps = Constant <value_float = {STEPS}.0> ()
  share = Div (most, steps)
  smallest = Constant <value_float = {SMALLEST}> ()
  least = Max (share, smallest)
  total = ReduceL1 <keepdims = 0> (wide, last)
  none = Constant <value_float = 0.0> ()
  nothing = Mul (total, none)
  row_scale = Add (least, nothing)
  levels = QuantizeLinear <axis = 0, output_dtype = 3> (wide, row_scale)
}}"""
"""ReduceMax passes over a NaN, and a sum does not: 0 times it is added to the scale."""

LINEAR8 = f"""
Linear8 (levels, row_scale, weight, scale, bias) => (y) {{
  zero = Constant <value_int = {ZERO}> ()
  zero32 = Cast <to = 6> (zero)
  zero8 = Cast <to = 2> (zero)
  levels32 = Cast <to = 6> (levels)
  shifted = Add (levels32, zero32)
  shifted8 = Cast <to = 2> (shifted)
  columns = Transpose <perm = [1, 0]> (weight)
  sums = MatMulInteger (shifted8, columns, zero8)
  counted = Cast <to = 1> (sums)
  by_column = Mul (counted, scale)
  last = Constant <value_ints = [-1]> ()
  rows = Unsqueeze (row_scale, last)
  by_row = Mul (by_column, rows)
  added = Cast <to = 1> (bias)
  sum = Add (by_row, added)
  y = Cast <to = TYPE> (sum)
}}"""
"""ONNX Runtime's CPU product is fast for uint8 times int8, so the levels are moved by ZERO."""

PLAIN = "logits = Mul (dots, scaled_by)"
CAPPED = """small = Mul (dots, scaled_by)
  cap = Constant <value_float: float = @softcap> ()
  share = Div (small, cap)
  bent = Tanh (share)
  logits = Mul (bent, cap)"""
CAUSAL = "before = GreaterOrEqual (distance, zero)\n  seen = And (before, reach)"
BOTH_WAYS = "ahead = Neg (distance)\n  near_ahead = Less (ahead, farthest)\n  seen = And (near_ahead, reach)"


@dataclass(frozen=True)
class Form:
    """What the bodies of one file compute: a file has one form of each operator."""

    compute: int
    """The type of activations, weights and pools, one of onnx.TensorProto's."""
    head_norm: bool = False
    """Queries and keys are normed head by head before they are turned."""
    softcap: bool = False
    causal: bool = True
    integers: bool = False
    """Linear layers multiply integers."""


def functions(form: Form) -> list[onnx.FunctionProto]:
    """Return the operators' functions, in the order of their names."""
    turn = {side: TURN.replace("X", side).replace("IN", f"normed_{side}" if form.head_norm else side) for side in ("q", "k")}
    if form.head_norm:
        turn = {side: norm(side, weight, f"normed_{side}") + turn[side] for side, weight in (("q", "query_norm"), ("k", "key_norm"))}
    texts = [
        ADD_RMS_NORM.replace("NORM(summed, weight, all)", norm("summed", "weight", "all")), *((LINEAR8, QUANTIZE_ROWS) if form.integers else (LINEAR,)),
        ROTATE.replace("TURN(q)", turn["q"]).replace("TURN(k)", turn["k"]), SWIGLU,
        TILE_ATTENTION.replace("LOGITS", CAPPED if form.softcap else PLAIN).replace("SEEN", CAUSAL if form.causal else BOTH_WAYS),
    ]
    head = f'<domain: "{DOMAIN}", opset_import: ["": 23]>'
    return [parser.parse_function(head + text.replace("TYPE", str(form.compute))) for text in texts]


def norm(of: str, weight: str, into: str) -> str:
    """Return the nodes of a root mean square norm, whose values have names of their own."""
    return NORM.replace("OUT", into).replace("IN", of).replace("WEIGHT", weight)
