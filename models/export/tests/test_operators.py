"""The operators' bodies on the CPU provider: within a rounding of float64, and the same bits alone, shared and in other
slots."""

import ml_dtypes
import numpy as np
import onnx
import onnxruntime as ort
import pytest

from assay_export import operators
from assay_export.operators import DOMAIN, EVERY_KEY, VERSION, Form

FLOAT, HALF, BRAIN = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16
TYPES = {FLOAT: np.float32, HALF: np.float16, BRAIN: ml_dtypes.bfloat16}
STEP = {FLOAT: 2.0 ** -20, HALF: 2.0 ** -10.9, BRAIN: 2.0 ** -7.9}
"""Half a unit in the last place of a type, relative, and a tenth more for what float32 sums lose; of float32 room for
its sums alone."""
KINDS = {np.dtype(np.int64): 7, np.dtype(np.int8): 3, **{np.dtype(kept): kind for kind, kept in TYPES.items()}}
each_type = pytest.mark.parametrize("kind", TYPES, ids=("float32", "float16", "bfloat16"))


def run(form: Form, name: str, feeds: dict[str, np.ndarray], outputs: tuple[str, ...], **attributes) -> list[np.ndarray]:
    """Return the outputs of one operator's body on the CPU provider, widened to float32."""
    nodes = [onnx.helper.make_node(name, list(feeds), list(outputs), domain=DOMAIN, **attributes),
             *(onnx.helper.make_node("Cast", [out], [f"wide_{out}"], to=FLOAT) for out in outputs)]
    inputs = [onnx.helper.make_tensor_value_info(key, KINDS[value.dtype], value.shape) for key, value in feeds.items()]
    given = [onnx.helper.make_tensor_value_info(f"wide_{out}", FLOAT, None) for out in outputs]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "one", inputs, given), functions=operators.functions(form, {name}), ir_version=10,
        opset_imports=[onnx.helper.make_opsetid("", 23), onnx.helper.make_opsetid(DOMAIN, VERSION)])
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for key, value in feeds.items():
        binding.bind_ortvalue_input(key, ort.OrtValue.ortvalue_from_numpy_with_onnx_type(value.view(np.uint16), BRAIN)
                                    if value.dtype == ml_dtypes.bfloat16 else ort.OrtValue.ortvalue_from_numpy(value))
    for out in outputs:
        binding.bind_output(f"wide_{out}")
    session.run_with_iobinding(binding)
    return binding.copy_outputs_to_cpu()


def near(got: np.ndarray, want: np.ndarray, kind: int, sums: float = 0.0) -> None:
    """Hold numbers to float64 within a rounding of their type; sums is how much more what they were made of may be
    off."""
    assert np.all(np.abs(got - want) <= STEP[kind] * np.abs(want) + 2.0 ** -20 * (1 + sums)), float(np.abs(got - want).max())


def drawn(seed: int, *shape: int, kind: int = FLOAT, scale: float = 1.0) -> np.ndarray:
    """Return normal numbers of a type."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32).astype(TYPES[kind])


@each_type
def test_norm_sums_in_float32_and_keeps_the_residual(kind):
    residual, x, weight = drawn(1, 5, 48), drawn(2, 5, 48, kind=kind), drawn(3, 48)
    normed, summed = run(Form(kind), "AddRmsNorm", {"residual": residual, "x": x, "weight": weight}, ("normed", "summed"), epsilon=1e-5)
    want = residual.astype(np.float64) + x.astype(np.float64)
    near(summed, want, FLOAT)
    near(normed, want / np.sqrt((want ** 2).mean(-1, keepdims=True) + 1e-5) * weight, kind)


@each_type
def test_linear_rounds_once(kind):
    x, weight, bias = drawn(1, 7, 64, kind=kind), drawn(2, 24, 64, kind=kind, scale=0.125), drawn(3, 24, kind=kind)
    want = x.astype(np.float64) @ weight.astype(np.float64).T + bias.astype(np.float64)
    near(run(Form(kind), "Linear", {"x": x, "weight": weight, "bias": bias}, ("y",))[0], want, kind, sums=8)


@each_type
def test_swiglu_rounds_once(kind):
    x = drawn(1, 6, 40, kind=kind, scale=3)
    gate, up = np.split(x.astype(np.float64), 2, axis=-1)
    near(run(Form(kind), "SwiGLU", {"x": x}, ("y",))[0], gate / (1 + np.exp(-gate)) * up, kind, sums=8)


@each_type
@pytest.mark.parametrize(("turned", "head_norm"), [(16, False), (8, False), (16, True)])
def test_rotate_turns_and_fills_slots(kind, turned, head_norm):
    tokens, heads, key_heads, dim, slots = 5, 4, 2, 16, 9
    qkv, norms = drawn(1, tokens, (heads + 2 * key_heads) * dim, kind=kind), drawn(2, 2, dim)
    positions, places = np.array([3, 0, 7, 1, 2]), np.array([8, 2, 0, 5, 1])
    angles = np.arange(8)[:, None] / 100.0 ** (np.arange(turned // 2) / (turned // 2))
    pools = drawn(3, 2, slots, key_heads, dim, kind=kind)
    queries, keys, values = run(
        Form(kind, head_norm=head_norm), "Rotate",
        {"qkv": qkv, "positions": positions, "cos": np.cos(angles).astype(np.float32), "sin": np.sin(angles).astype(np.float32),
         "query_norm": norms[0], "key_norm": norms[1], "slots": places, "key_pool": pools[0], "value_pool": pools[1]},
        ("queries", "keys", "values"), heads=[heads, key_heads, key_heads], turned=[turned, dim - turned], normed=int(head_norm), epsilon=1e-6)
    wide = qkv.astype(np.float64).reshape(tokens, -1, dim)
    want_q, want_k, want_v = np.split(wide, [heads, heads + key_heads], axis=1)
    if head_norm:
        want_q, want_k = (part / np.sqrt((part ** 2).mean(-1, keepdims=True) + 1e-6) * norms[i] for i, part in enumerate((want_q, want_k)))

    def turn(part: np.ndarray) -> np.ndarray:
        cos, sin = np.cos(angles[positions])[:, None], np.sin(angles[positions])[:, None]
        first, second, still = np.split(part, [turned // 2, turned], axis=-1)
        return np.concatenate([first * cos - second * sin, second * cos + first * sin, still], axis=-1)

    near(queries, turn(want_q).reshape(tokens, -1), kind, sums=8)
    near(keys[places], turn(want_k), kind, sums=8)
    near(values[places], want_v, kind)
    others = np.setdiff1d(np.arange(slots), places)
    assert np.array_equal(keys[others], pools[0][others].astype(np.float32))
    assert np.array_equal(values[others], pools[1][others].astype(np.float32))


HEADS, KEY_HEADS, DIM, SLOTS = 4, 2, 16, 90


def attend(form: Form, queries, positions, tiles, key_pool, value_pool, **attributes) -> np.ndarray:
    """Return the attention of tokens in tiles of (places of queries, slots of keys), with as many places as the largest
    has and three more keys."""
    most, keys = max(len(rows) for rows, _ in tiles), max(len(seen) for _, seen in tiles) + 3
    index, slots, scatter = (np.zeros(shape, np.int64) for shape in ((len(tiles), most), (len(tiles), keys), len(queries)))
    for tile, (rows, seen) in enumerate(tiles):
        index[tile] = [*rows, *[rows[-1]] * (most - len(rows))]
        slots[tile] = [*seen, *[seen[0]] * (keys - len(seen))]
        scatter[rows] = tile * most + np.arange(len(rows))
    return run(form, "TileAttention", {
        "queries": queries, "positions": positions, "query_index": index, "key_slots": slots, "key_len": np.array([len(seen) for _, seen in tiles]),
        "scatter_index": scatter, "key_pool": key_pool, "value_pool": value_pool}, ("mixed",), scale=DIM ** -0.5, causal=int(form.causal),
        **attributes)[0]


@each_type
@pytest.mark.parametrize(("softcap", "window", "causal"), [
    (0.0, EVERY_KEY, True), (2.0, EVERY_KEY, True), (0.0, 6, True), (0.0, EVERY_KEY, False), (0.0, 5, False)])
def test_attention_sees_what_its_tile_lists(kind, softcap, window, causal):
    tokens = 13
    queries, pools = drawn(1, tokens, HEADS * DIM, kind=kind), drawn(2, 2, SLOTS, KEY_HEADS, DIM, kind=kind)
    slots = np.random.default_rng(3).permutation(SLOTS)[:tokens]
    cut = [(list(range(tokens)), slots)] if not causal else [(list(range(5)), slots[:5]), (list(range(5, tokens)), slots)]
    got = attend(Form(kind, softcap=softcap > 0, causal=causal), queries, np.arange(tokens), cut, *pools, window=window, softcap=softcap)
    q = queries.astype(np.float64).reshape(tokens, HEADS, DIM).transpose(1, 0, 2)
    k, v = (pool[slots].astype(np.float64).repeat(HEADS // KEY_HEADS, axis=1).transpose(1, 0, 2) for pool in pools)
    logits = q @ k.transpose(0, 2, 1) * DIM ** -0.5
    logits = np.tanh(logits / softcap) * softcap if softcap else logits
    distance = np.arange(tokens)[:, None] - np.arange(tokens)
    weights = np.exp(np.where((abs(distance) < window) & ((distance >= 0) | (not causal)), logits, -np.inf))
    near(got, (weights / weights.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(tokens, -1), kind, sums=8)


@each_type
def test_attention_has_the_same_bits_behind_a_shared_prompt(kind):
    prompt, answers = 19, (11, 4, 7)
    total = prompt + sum(answers)
    queries, pools = drawn(1, total, HEADS * DIM, kind=kind), drawn(2, 2, SLOTS, KEY_HEADS, DIM, kind=kind)
    slots = np.random.default_rng(3).permutation(SLOTS)[:total]
    starts = np.cumsum([prompt, *answers[:-1]])
    positions = np.concatenate([np.arange(prompt), *(np.arange(prompt, prompt + length) for length in answers)])
    tiles = [(list(range(prompt)), slots[:prompt])]
    tiles += [(list(range(at, at + n)), np.concatenate([slots[:prompt], slots[at:at + n]])) for at, n in zip(starts, answers, strict=True)]
    form = Form(kind)
    shared = attend(form, queries, positions, tiles, *pools, window=EVERY_KEY)
    for at, n in zip(starts, answers, strict=True):
        own = [*range(prompt), *range(at, at + n)]
        other = np.zeros_like(pools)
        other[:, :len(own)] = pools[:, slots[own]]
        alone = attend(form, queries[own], np.arange(len(own)), [(list(range(len(own))), np.arange(len(own)))], *other, window=EVERY_KEY)
        assert np.array_equal(alone, shared[own])
