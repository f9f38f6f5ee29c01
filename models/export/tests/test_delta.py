"""Gated delta layers: every length gives transformers' own score, and bits hang on neither batch nor padding."""

import random

import pytest
import torch
from conftest import read_bundle
from test_bits import THREADS, pick
from transformers import AutoConfig, AutoModelForSequenceClassification
from transformers.models.qwen3_5.modeling_qwen3_5 import torch_recurrent_gated_delta_rule
from wrong import Wrong, config, hold, table, weights

from assay_export.bodies.bodies import flows, windows
from assay_export.bodies.delta import CHUNK, recurrence, softplus, unit
from assay_export.cli import arguments, export
from assay_export.graph.plan import padded_feeds
from assay_export.models.tolerance import TOLERANCE, apart
from assay_export.prove import check
from parity.case import every_case

CASES = {case.name: case for case in every_case()}
KINDS = ("body-qwen3-5-images", "body-qwen3-next")
LONGEST = 300
IDS = [20 + (number * number * 7 + number) % 280 for number in range(LONGEST)]


@pytest.fixture(scope="session")
def right(tmp_path_factory):
    """A function that returns a tiny checkpoint of a parity case; what is made of it is made of a copy."""
    known = {}

    def make(name: str):
        if name not in known:
            known[name] = tmp_path_factory.mktemp("right") / name
            CASES[name].write(known[name])
        return known[name]
    return make


@pytest.fixture(scope="session")
def bundle(right, tmp_path_factory):
    """A function that returns the bundle of a parity case, exported unchecked."""
    known = {}

    def make(name: str):
        if name not in known:
            out = tmp_path_factory.mktemp("bundle") / name
            export(arguments().parse_args([str(right(name)), str(out), "--no-check"]))
            known[name] = read_bundle(out)
        return known[name]
    return make


def theirs(source, sequences: list[list[int]]) -> list[float]:
    """Return the scores of sequences, each alone, as transformers loads the directory."""
    model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        return [model(input_ids=torch.tensor([ids])).logits[0, 0].item() for ids in sequences]


def scores(graph, sequences: list[list[int]], threads: int = 1) -> list[float]:
    """Return the scores of sequences from a padded graph, each alone."""
    session = check.open_graph(graph, threads)
    return [check.run(session, padded_feeds([ids]))[0][0, 0].item() for ids in sequences]


@pytest.mark.parametrize(("name", "step"), [("body-qwen3-5-images", 1), ("body-qwen3-next", 9)])
def test_every_length_gives_the_score_of_transformers(name, step, right, bundle):
    texts = [IDS[-length:] for length in sorted({*range(1, LONGEST + 1, step), *(CHUNK * count + by for count in range(1, 5) for by in (-1, 0, 1))})]
    ours, want = scores(bundle(name).graph, texts), theirs(right(name), texts)
    assert max(map(apart, ours, want)) <= TOLERANCE
    assert len({round(score, 5) for score in want}) > len(texts) // 2


def drawn(length: int, same: float, rate: float, decay: float) -> tuple[torch.Tensor, ...]:
    """Return inputs of `recurrence`: keys, of which a share is the first one's, and rates and decays around a
    number."""
    generator = torch.Generator().manual_seed(length)
    query, key = (torch.randn(2, length, 2, 1, 16, generator=generator) for _ in range(2))
    key = unit(same * key[:, :1] + (1 - same) * key)
    value, rates, decays = (torch.randn(2, length, 2, 3, size, generator=generator) for size in (24, 1, 1))
    return unit(query) / 4, key, value, torch.sigmoid(rates + rate), -torch.exp(decays + decay)


@pytest.mark.parametrize(("same", "rate", "decay"), [(0, 0, 0), (1, 9, -9), (0.9, 9, -9), (0.5, 0, -9), (1, 9, -2), (0, 2, 4), (0, -9, 0)])
def test_the_recurrence_is_that_of_one_token_after_another(same, rate, decay):
    """Keys that are all alike, written whole and kept for long, are what powers of a chunk's matrix would fail on."""
    for length in (1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, LONGEST):
        query, key, value, rates, decays = drawn(length, same, rate, decay)
        want, _ = torch_recurrent_gated_delta_rule(query[:, :, :, 0] * 4, key[:, :, :, 0], value.flatten(2, 3), decays.flatten(2), rates.flatten(2))
        ours = recurrence(query, key, value, rates, decays).flatten(2, 3)
        assert ours.shape == want.shape
        assert (ours - want).abs().max() <= 1e-5 * max(1, want.abs().max())


def test_softplus_is_that_of_pytorch():
    values = torch.cat([torch.linspace(-30, 30, 6001), torch.tensor([-1e4, 1e4])])
    torch.testing.assert_close(softplus(values), torch.nn.functional.softplus(values, threshold=100), rtol=5e-7, atol=1e-30)


@pytest.mark.parametrize("name", KINDS)
def test_readings_are_bit_equal_in_any_batch(name, bundle):
    made, rng = bundle(name), random.Random(name)
    vocab = made.manifest["graph"]["vocab_size"]
    known = [[rng.randrange(vocab) for _ in range(count)] for count in (1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 200, LONGEST)]
    known += [known[-1][:cut] + [rng.randrange(vocab) for _ in range(7)] for cut in (0, 5, 40, 111)]
    sessions = [check.open_graph(made.graph, threads) for threads in THREADS]
    seen: dict[int, bytes] = {}
    for number in range(40):
        chosen = [number] if number < len(known) else pick(rng, known)
        given = [known[one] for one in chosen]
        feeds = padded_feeds(given, pad_id=rng.randrange(5), length=max(map(len, given)) + rng.choice([0, 0, 1, 7, CHUNK, 100]))
        for session in sessions:
            for one, row in zip(chosen, check.run(session, feeds)[0], strict=True):
                assert seen.setdefault(one, row.tobytes()) == row.tobytes(), (number, len(known[one]))


def test_layers_of_full_attention_alone_have_no_state():
    config = AutoConfig.for_model("qwen3_next", num_hidden_layers=2, layer_types=["full_attention"] * 2)
    assert not flows(config) and windows(config) == {None}
    config.layer_types = ["full_attention", "linear_attention"]
    assert flows(config) and windows(config) == {None}


@table(
    Wrong("the packed layout", lambda source: None, ("", "model_type 'qwen3_5_text' has layers with a state that flows through a whole text",
                                                     "give --layout padded"), options=("--layout", "packed")),
    Wrong("a family that shares a prompt", config(architectures=["Qwen3_5ForCausalLM"]),
          ("config.json", "family choice reads the classes Qwen3", "more, and the checkpoint's is 'Qwen3_5ForCausalLM', which dpo reads"),
          options=("--family", "choice")),
    Wrong("no gate behind attention", config(attn_output_gate=False), ("", "attn_output_gate: false, and the class always has one, is not supported")),
    Wrong("another gate", config(output_gate_type="sigmoid"), ("", 'output_gate_type: "sigmoid", and the class has no other,')),
    Wrong("a state in half precision", config(mamba_ssm_dtype="bfloat16"), ("", 'mamba_ssm_dtype: "bfloat16"')),
    Wrong("a layer of an unknown type", config(layer_types=["linear_attention", "conv"] * 2), ("", "layer_types has 'conv'")),
    Wrong("other heads than the weights have", config(linear_num_value_heads=6), ("", "linear_attn", "config.json asks for")),
    Wrong("heads of values that cannot share keys", config(linear_num_value_heads=3), ("", "linear_num_value_heads is 3, and linear_num_key_heads 2")),
    Wrong("full attention where the weights have none", config(layer_types=["full_attention"] * 4), ("", "no weight model.layers.0.self_attn")),
    Wrong("a window", config(sliding_window=64), ("config.json", "sliding_window is a key that a qwen3_5_text is not known to have here")),
    Wrong("no decay", weights(lambda given: given.pop("model.layers.0.linear_attn.A_log")), ("", "no weight model.layers.0.linear_attn.A_log")),
    Wrong("a bias of the convolution", weights(lambda given: given.update({"model.layers.0.linear_attn.conv1d.bias": torch.ones(96)})),
          ("", "a weight model.layers.0.linear_attn.conv1d.bias")),
    Wrong("a part for images", config(model_type="qwen3_5", architectures=["Qwen3_5ForSequenceClassification"]),
          ("config.json", "text_config is missing, and a qwen3_5 has its text's config there")),
)
def test_what_is_refused(wrong, right, tmp_path, monkeypatch, capfd):
    hold(wrong, right("body-qwen3-5"), tmp_path, monkeypatch, capfd)
