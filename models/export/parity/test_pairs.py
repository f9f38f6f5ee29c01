"""Heads and rules of models that compare two responses: plain arithmetic, what is refused, and p(a, b) + p(b, a) =
1."""

import json
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from transformers import AutoConfig, PreTrainedTokenizerFast

from assay_export import cli
from assay_export.bundle import token_limit
from assay_export.errors import ExportError
from assay_export.manifest import name_preference
from assay_export.models.gpm import gpm_head
from assay_export.models.model import Model
from assay_export.models.pairrm import pairrm_head
from assay_export.prove.theirs import tokenizer_of
from assay_export.read.family import families
from assay_export.text import scores
from assay_export.text.settings import end_token
from assay_export.text.text import TextRules
from parity.cases import pairs
from parity.test_heads import HIDDEN, given

CASES = {case.name: case for case in pairs.CASES}
WIDE = {"value_head.weight": (6, HIDDEN), "prompt_head.weight": (3, HIDDEN)}
TASKS = {"head_layer.1.weight": (HIDDEN, 2 * HIDDEN), "head_layer.1.bias": (HIDDEN,), "head_layer.4.weight": (2, HIDDEN), "head_layer.4.bias": (2,)}
MARKS = {"source_prefix_id": 7, "cand1_prefix_id": 8, "cand2_prefix_id": 9}


def test_gpm_gives_an_embedding_and_scales_that_add_up_to_one():
    own = given(WIDE, {"value_head_dim": 6, "add_prompt_head": True})
    head, row = gpm_head(own), torch.randn(1, HIDDEN, generator=torch.Generator().manual_seed(2))
    vector, scales = head(row)[0].split([6, 3])
    torch.testing.assert_close(vector, own.weights["value_head.weight"] @ row[0])
    torch.testing.assert_close(scales, torch.softmax(own.weights["prompt_head.weight"] @ row[0], 0))
    assert head.names == ["v0", "v1", "v2", "v3", "v4", "v5", "s0", "s1", "s2"]
    assert own.used == set(WIDE)


class Rows(nn.Module):
    """Stands in for an encoder: each id's row is its own, wherever it stands."""

    config = SimpleNamespace(hidden_size=HIDDEN)

    def __init__(self):
        super().__init__()
        self.table = torch.randn(12, HIDDEN, generator=torch.Generator().manual_seed(4))

    def forward(self, input_ids, attention_mask):
        return SimpleNamespace(last_hidden_state=self.table[input_ids])


def test_pairrm_reads_its_marks_wherever_they_stand():
    own = given(TASKS, MARKS | {"n_tasks": 2}, ids=[7, 8, 9])
    own.body = Rows()
    head = pairrm_head(own)
    ids = torch.tensor([[1, 7, 3, 8, 2, 9, 0], [7, 8, 5, 5, 5, 9, 4]])
    rows, inner = own.body.table, nn.Sequential(nn.Linear(2 * HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2))
    inner.load_state_dict({name.replace("head_layer.1", "0").replace("head_layer.4", "2"): value for name, value in own.weights.items()})
    want = (inner(torch.cat([rows[7], rows[8]])) - inner(torch.cat([rows[7], rows[9]]))).mean()
    torch.testing.assert_close(head(ids, torch.ones_like(ids)), want.expand(2, 1))
    assert own.used == set(TASKS)


@pytest.mark.parametrize(("build", "own", "says"), [
    (gpm_head, given({"value_head.weight": (1, HIDDEN)}, {}), "value_head.weight has 1 row, .* gpm-bt"),
    (gpm_head, given({"value_head.weight": (5, HIDDEN)}, {}), "value_head.weight has 5 rows"),
    (gpm_head, given({"prompt_head.weight": (3, HIDDEN)}, {}), "no weight value_head.weight"),
    (gpm_head, given(WIDE | {"value_head.bias": (6,)}, {}), "a weight value_head.bias"),
    (gpm_head, given(WIDE | {"prompt_head.weight": (2, HIDDEN)}, {}), "prompt_head.weight has 2 rows"),
    (gpm_head, given(WIDE, {"value_head_dim": 4}), "config.json's value_head_dim is 4"),
    (gpm_head, given(WIDE, {"add_prompt_head": False}), "a weight prompt_head.weight, .* add_prompt_head is false"),
    (gpm_head, given({"value_head.weight": (6, HIDDEN)}, {"add_prompt_head": True}), "no weight prompt_head.weight, .* add_prompt_head is true"),
    (pairrm_head, given(TASKS, MARKS | {"cand1_prefix_id": 6}, ids=[7, 8, 9]), "cand1_prefix_id is 6, .* as 8"),
    (pairrm_head, given(TASKS, {}, ids=[7, 8, 9]), "source_prefix_id is None"),
    (pairrm_head, given(TASKS, MARKS | {"n_tasks": 1}, ids=[7, 8, 9]), "n_tasks is 1"),
    (pairrm_head, given({}, MARKS, ids=[7, 8, 9]), "no weight head_layer.1.weight"),
    (pairrm_head, given({name: shape for name, shape in TASKS.items() if name != "head_layer.4.bias"}, MARKS, ids=[7, 8, 9]),
     "no weight head_layer.4.bias"),
    (pairrm_head, given(TASKS | {"head_layer.1.weight": (HIDDEN, HIDDEN)}, MARKS, ids=[7, 8, 9]), r"head_layer.1.weight has shape \[8, 8\]")])
def test_refusals_name_what_is_wrong(build, own, says):
    with pytest.raises(ExportError, match=says):
        build(own)


def test_preference_takes_its_labels_from_the_head():
    manifest = {"graph": {"labels": ["v0", "v1", "v2", "v3", "s0", "s1"]}, "read": {"prompt": {"rendered": True}},
                "preference": {"embedding": {"labels": "v"}, "scale": {"labels": "s"}, "temperature": 0.1}}
    name_preference(manifest)
    assert (manifest["preference"]["embedding"], manifest["preference"]["scale"]) == (["v0", "v1", "v2", "v3"], ["s0", "s1"])
    assert manifest["read"] == {"prompt": {"rendered": True}}
    manifest = manifest | {"graph": {"labels": ["v0", "v1"]}, "preference": {"embedding": {"labels": "v"}, "scale": {"labels": "s"}}}
    name_preference(manifest)
    assert manifest["preference"] == {"embedding": ["v0", "v1"], "scale": None} and manifest["read"] is None


def test_end_token_is_the_one_that_the_tokenizer_names(tmp_path):
    CASES["gpm-llama"].write(tmp_path)
    tokenizer = pairs.KINDS["llama3"].tokenizer()
    assert end_token(tmp_path, tokenizer, tokenizer_of(tmp_path), pairs.SEVERAL) == tokenizer.token_to_id("<|eot_id|>")
    with pytest.raises(ExportError, match="eos_token is '<|eot_id|>', and config.json's eos_token_id names the ids"):
        end_token(tmp_path, tokenizer, tokenizer_of(tmp_path), pairs.SEVERAL[:1])


def test_pairrm_takes_what_the_authors_code_reads_whole():
    family, tokenizer = families()["pairrm"], pairs.marked_tokenizer()
    manifest = {"kind": "pair", "tokenizer": {"bos": "none"}, "template": {"segments": family.segments}}
    rules, authors = TextRules(tokenizer, None, manifest), PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    word = next(piece[1:] for piece in sorted(tokenizer.get_vocab()) if piece.startswith("▁") and len(tokenizer.encode(piece[1:]).ids) == 3)
    most = {"prompt": " ".join([word] * 1221), "first": " ".join([word] * 409), "second": " ".join([word] * 409)}
    ids = rules.encode(most)
    assert ids == pairs.pairrm_ids(authors, most["prompt"], most["first"], most["second"])
    model = Model((), None, 1, SimpleNamespace(config=AutoConfig.for_model("deberta-v2", **pairs.DEBERTA)))
    assert len(ids) == token_limit(model, None, manifest["template"]) == 2048
    for name in most:
        with pytest.raises(ExportError, match=f"the {name} has {len(most[name].split()) + 1} tokens"):
            rules.encode(most | {name: f"{most[name]} {word}"})


@pytest.mark.parametrize("manifest", [
    {"graph": {"labels": ["A", "B"]}, "pair": {"label": "A", "activation": "softmax", "orders": "probability"}},
    {"graph": {"labels": ["better"]}, "pair": {"label": "better", "activation": "sigmoid", "orders": "logit"}}])
def test_orders_of_a_pair_add_up_to_one(manifest):
    ahead, behind = torch.randn(2, 1, len(manifest["graph"]["labels"]), generator=torch.Generator().manual_seed(5)) * 3
    assert scores.pair(manifest, [ahead, behind]) + scores.pair(manifest, [behind, ahead]) == pytest.approx(1)
    assert scores.pair(manifest, [ahead, ahead]) == pytest.approx(0.5)


@pytest.mark.parametrize("scaled", [False, True])
def test_orders_of_a_preference_add_up_to_one(scaled):
    manifest = {"graph": {"labels": ["v0", "v1", "v2", "v3", "s0", "s1"]}, "preference": {
        "embedding": ["v0", "v1", "v2", "v3"], "scale": ["s0", "s1"] if scaled else None, "normalize": True, "temperature": 0.1}}
    one, other, prompt = torch.rand(3, 6, generator=torch.Generator().manual_seed(6))
    forth, back = scores.preference(manifest, [(one, prompt), (other, prompt)]), scores.preference(manifest, [(other, prompt), (one, prompt)])
    assert forth + back == pytest.approx(1) and abs(forth - 0.5) > 0.01
    assert scores.preference(manifest, [(one, prompt), (one, prompt)]) == 0.5


@pytest.mark.parametrize("name", ["gpm-llama-prompt", "pairrm", "rlhflow-pair"])
def test_own_golden_pairs_are_the_authors(name, tmp_path):
    case, items = CASES[name], [*pairs.PAIRS, *([pairs.TURNS] if pairs.TURNS in CASES[name].items else [])]
    case.write(tmp_path / "checkpoint")
    want = case.reference(tmp_path / "checkpoint", items)
    (tmp_path / "items.jsonl").write_text("".join(json.dumps({"pair": item}) + "\n" for item in items))
    cli.export(cli.arguments().parse_args([str(tmp_path / "checkpoint"), str(tmp_path / "bundle"), "--layout", "padded", "--family", case.family,
                                           "--check", "--golden", str(tmp_path / "items.jsonl")]))
    have = [json.loads(line) for line in (tmp_path / "bundle" / "golden.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(pair["pair"], pair["ids"]) for pair in have] == [(pair["pair"], pair["ids"]) for pair in want]
    assert [pair["probability"] for pair in have] == pytest.approx([pair["probability"] for pair in want], abs=1e-5)
    assert want[0]["probability"] + want[1]["probability"] == pytest.approx(1, abs=1e-6)
