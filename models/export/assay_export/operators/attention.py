"""Bodies of the operators of attention."""

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
  TURNS
  narrow_q = Cast <to = TYPE> (turned_q)
  narrow_k = Cast <to = TYPE> (turned_k)
  narrow_v = Cast <to = TYPE> (v)
  queries = Reshape (narrow_q, apart)
  last = Constant <value_ints = [-1]> ()
  places = Unsqueeze (slots, last)
  keys = ScatterND (key_pool, places, narrow_k)
  values = ScatterND (value_pool, places, narrow_v)
}"""

ROTATE_QKV = """
RotateQkv <heads: ints, turned: ints, normed: int = 0, epsilon: float = 0.0> (qkv, positions, cos, sin, query_norm, key_norm)
    => (queries, keys, values) {
  wide = Cast <to = 1> (qkv)
  turning = Constant <value_ints: ints = @turned> ()
  dim = ReduceSum <keepdims = 1> (turning)
  apart = Constant <value_ints = [0, -1]> ()
  by_head = Concat <axis = 0> (apart, dim)
  shaped = Reshape (wide, by_head)
  each = Constant <value_ints: ints = @heads> ()
  q, k, v = Split <axis = 1> (shaped, each)
  one = Constant <value_ints = [1]> ()
  TURNS
  narrow_q = Cast <to = TYPE> (turned_q)
  queries = Reshape (narrow_q, apart)
  keys = Cast <to = TYPE> (turned_k)
  values = Cast <to = TYPE> (v)
}"""

TURNS = """
  turns_cos = Gather (cos, positions)
  turns_sin = Gather (sin, positions)
  c = Unsqueeze (turns_cos, one)
  s = Unsqueeze (turns_sin, one)
  parts = Constant <value_ints: ints = @turned> ()
  TURN(q)
  TURN(k)"""
STILL = "turned_q = Identity (q)\n  turned_k = Identity (k)"
"""Queries and keys of a body whose positions are not turned."""

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

PLAIN = "logits = Mul (dots, scaled_by)"
CAPPED = """small = Mul (dots, scaled_by)
  cap = Constant <value_float: float = @softcap> ()
  share = Div (small, cap)
  bent = Tanh (share)
  logits = Mul (bent, cap)"""
CAUSAL = "before = GreaterOrEqual (distance, zero)\n  seen = And (before, reach)"
BOTH_WAYS = "ahead = Neg (distance)\n  near_ahead = Less (ahead, farthest)\n  seen = And (near_ahead, reach)"
