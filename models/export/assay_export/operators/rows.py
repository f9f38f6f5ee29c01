"""Bodies of the operators that look at one row at a time."""

from ..store.int8 import SMALLEST, STEPS, ZERO

ADD_RMS_NORM = """
AddRmsNorm <epsilon> (residual, x, weight) => (normed, summed) {
  wide = Cast <to = 1> (x)
  summed = Add (residual, wide)
  NORM(summed, weight, all)
  normed = Cast <to = TYPE> (all)
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

ADD_LAYER_NORM = """
AddLayerNorm <epsilon: float, behind: int> (residual, x, weight, bias) => (normed, flows) {
  wide = Cast <to = 1> (x)
  summed = Add (residual, wide)
  axis = Constant <value_ints = [-1]> ()
  middle = ReduceMean <keepdims = 1> (summed, axis)
  away = Sub (summed, middle)
  square = Mul (away, away)
  variance = ReduceMean <keepdims = 1> (square, axis)
  least = Constant <value_float: float = @epsilon> ()
  plus = Add (variance, least)
  root = Sqrt (plus)
  unit = Div (away, root)
  scaled = Mul (unit, weight)
  all = Add (scaled, bias)
  normed = Cast <to = TYPE> (all)
  flag = Constant <value_int: int = @behind> ()
  norm_flows = Cast <to = 9> (flag)
  flows = Where (norm_flows, all, summed)
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

SWIGLU = """
SwiGLU (x) => (y) {
  wide = Cast <to = 1> (x)
  gate, up = Split <axis = -1, num_outputs = 2> (wide)
  share = Sigmoid (gate)
  open = Mul (gate, share)
  both = Mul (open, up)
  y = Cast <to = TYPE> (both)
}"""

GEGLU = """
GeGLU (x) => (y) {
  wide = Cast <to = 1> (x)
  gate, up = Split <axis = -1, num_outputs = 2> (wide)
  open = Gelu <approximate = "none"> (gate)
  both = Mul (open, up)
  y = Cast <to = TYPE> (both)
}"""

GELU = """
Gelu (x) => (y) {
  wide = Cast <to = 1> (x)
  active = Gelu <approximate = "none"> (wide)
  y = Cast <to = TYPE> (active)
}"""
