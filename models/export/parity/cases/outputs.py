"""Reward models with several outputs: attributes with gates, quantiles, weights, plain multi-label."""

import torch
from torch import nn

from ..case import Case
from ..checkpoint import read
from ..decoders import linear, write
from ..items import CHAT, TEXT, with_bos
from ..reference import bare_body, hidden_states, of_class, template_ids, tokenizer_of

ATTRIBUTES = [
    "helpsteer-helpfulness", "helpsteer-correctness", "helpsteer-coherence", "helpsteer-complexity", "helpsteer-verbosity",
    "ultrafeedback-overall_score", "ultrafeedback-instruction_following", "ultrafeedback-truthfulness", "ultrafeedback-honesty",
    "ultrafeedback-helpfulness", "beavertails-is_safe", "prometheus-score", "argilla-overall_quality", "argilla-judge_lm", "code-complexity",
    "code-style", "code-explanation", "code-instruction-following", "code-readability"]
HELPSTEER = ["helpfulness", "correctness", "coherence", "complexity", "verbosity"]
NEMO = ["quality", "toxicity", "humor", "creativity", *HELPSTEER]


def gating(layers: int, attributes: int, inner: int = 24, norms: bool = False) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of a gating network; with norms each hidden layer is Linear without bias, ReLU, batch norm."""
    shapes, size, number = {"gating.logit_scale": (1,)}, 32, 0
    for _ in range(layers):
        shapes |= linear(f"gating.layers.{number}", inner, not norms, size)
        if norms:
            shapes |= {f"gating.layers.{number + 2}.{part}": (inner,) for part in ("weight", "bias", "running_mean", "running_var")}
        size, number = inner, number + (3 if norms else 1)
    return shapes | linear(f"gating.layers.{number}", attributes, True, size)


def decorrelated(weights: dict[str, torch.Tensor]) -> None:
    """Give the transform matrix ones on its diagonal and a penalty in the row of verbosity, and the scale a value beside one."""
    size = weights["reward_transform_matrix"].shape[0]
    penalty = weights["reward_transform_matrix"][4].abs()
    matrix = torch.eye(size)
    matrix[4] -= penalty
    matrix[4, 4] = 1.0
    weights["reward_transform_matrix"] = matrix
    sharpen(weights)


def sharpen(weights: dict[str, torch.Tensor]) -> None:
    """Make the gates differ from place to place, and batch-norm variances positive."""
    weights["gating.logit_scale"] = torch.tensor([1.3])
    for name, value in weights.items():
        if name.startswith("gating.layers.") and value.ndim == 2:
            weights[name] = value * 4
        elif name.endswith("running_var"):
            weights[name] = value.abs() + 0.5


def last_pattern(ids: list[int], pattern: list[int]) -> int:
    """Return the start of a pattern's last occurrence."""
    for start in range(len(ids) - len(pattern), -1, -1):
        if ids[start:start + len(pattern)] == pattern:
            return start
    raise ValueError("the ids lack the pattern")


def armorm_gates(weights, row: torch.Tensor, temperature: float) -> torch.Tensor:
    """ArmoRM's GatingNetwork: Linears with ReLU between, softmax over the temperature, times the scale."""
    layers = sum(name.startswith("gating.layers.") and name.endswith("weight") for name in weights)
    for number in range(layers):
        row = nn.functional.linear(row, weights[f"gating.layers.{number}.weight"], weights[f"gating.layers.{number}.bias"])
        if number < layers - 1:
            row = torch.relu(row)
    return torch.softmax(row / temperature, -1) * weights["gating.logit_scale"][0]


def qrm_gates(weights, row: torch.Tensor, temperature: float) -> torch.Tensor:
    """QRM's GatingNetwork: Linear without bias, ReLU, batch norm as trained, three times; then as ArmoRM's."""
    numbers = sorted({int(name.split(".")[2]) for name in weights if name.startswith("gating.layers.")})
    for number in numbers:
        name = f"gating.layers.{number}"
        if f"{name}.running_mean" in weights:
            row = nn.functional.batch_norm(torch.relu(row)[None], weights[f"{name}.running_mean"], weights[f"{name}.running_var"],
                                           weights[f"{name}.weight"], weights[f"{name}.bias"], training=False)[0]
        else:
            row = nn.functional.linear(row, weights[f"{name}.weight"], weights.get(f"{name}.bias"))
    return torch.softmax(row / temperature, -1) * weights["gating.logit_scale"][0]


def gated(names: list[str], pattern: list[str], bos: int, temperature: float, gates_of):
    """Return the reference of a model with gates: values of the last row, by the gates of the row where the pattern last starts.

    Restates LlamaForRewardModelWithGating of RLHFlow's card and of RewardBench models/qrm.py.
    """
    def run(directory, items):
        config, weights = read(directory)
        tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")
        marks = tokenizer.convert_tokens_to_ids(pattern)
        pairs = []
        for item in items:
            ids = template_ids(tokenizer, item, bos)
            rows, prompt = hidden_states(body, ids), last_pattern(ids, marks)
            rewards = nn.functional.linear(rows[-1], weights["regression_layer.weight"])
            rewards = rewards.reshape(len(names), config.get("num_quantiles", 1)).mean(1)
            gates = gates_of(weights, rows[prompt], config.get("gating_temperature", temperature))
            adjusted = rewards @ weights["reward_transform_matrix"] if "reward_transform_matrix" in weights else rewards
            pairs.append({"item": item, "ids": ids, "read": [prompt, len(ids) - 1], "score": (gates * adjusted).sum().item()})
        return pairs
    return run


def labelled(names: list[str], weights_of: dict[str, float], bos: int):
    """Return the reference of a class of transformers with several labels, added up by weights: of all labels, and of the score."""
    def run(directory, items):
        tokenizer, model = tokenizer_of(directory), of_class(directory)
        pairs = []
        for item in items:
            ids = template_ids(tokenizer, item, bos)
            with torch.no_grad():
                logits = dict(zip(names, model(input_ids=torch.tensor([ids])).logits[0].tolist(), strict=True))
            score = sum(weight * logits[name] for name, weight in weights_of.items())
            pairs.append({"item": item, "ids": ids, "read": [len(ids) - 1], "score": score, "scores": logits})
        return pairs
    return run


def ldl(directory, items):
    """Restates LDLRewardModel27B of RewardBench models/ldlreward.py: distributions over 10 levels, weighed and then averaged."""
    weights = read(directory)[1]
    tokenizer, body = tokenizer_of(directory), bare_body(directory, "model.")

    def network(name, row):
        for number, numbers in enumerate(order := sorted({int(key.split(".")[2]) for key in weights if key.startswith(name)})):
            row = nn.functional.linear(row, weights[f"{name}.network.{numbers}.weight"], weights[f"{name}.network.{numbers}.bias"])
            row = nn.functional.leaky_relu(row) if number < len(order) - 1 else row
        return row

    pairs = []
    for item in items:
        ids = template_ids(tokenizer, item, 1)
        row = hidden_states(body, ids)[-1]
        rewards = torch.softmax(network("regression_layer", row).view(-1, 10), -1)
        total = network("gating_layer", row) @ rewards
        pairs.append({"item": item, "ids": ids, "read": [len(ids) - 1], "score": (total * torch.linspace(0, 1, 10)).sum().item()})
    return pairs


LLAMA3_PATTERN = ["<|eot_id|>", "<|start_header_id|>", "assistant", "<|end_header_id|>", "ĊĊ"]
GEMMA2_PATTERN = ["<end_of_turn>", "\n", "<start_of_turn>", "model", "\n"]
SYSTEM = {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes."}]}
RENDERED = [{"text": f"{bos}<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>"}
            for bos in ("", "<|begin_of_text|>")]
CLASS = "LlamaForRewardModelWithGating"


def quantiles(kind: str, class_name: str, names: list[str], seed: int, extra: dict, matrix: bool) -> object:
    """Return the writer of a QRM checkpoint with 5 quantiles."""
    size = len(names)
    shapes = {"regression_layer.weight": (size * 5, 32)} | gating(3 if matrix else 2, size, norms=matrix)
    shapes |= {"reward_transform_matrix": (size, size)} if matrix else {}
    return write(kind, class_name, shapes, seed=seed, edit=decorrelated if matrix else sharpen, extra=extra | {
        "num_objectives": size, "num_quantiles": 5, "gating_hidden_dim": 24})


CASES = [
    Case("armorm", "armorm", write("llama3", CLASS, {
        "regression_layer.weight": (19, 32), "reward_transform_matrix": (19, 19), **gating(3, 19)}, seed=41, edit=decorrelated, extra={
        "num_objectives": 19, "gating_temperature": 10, "gating_hidden_dim": 24, "gating_n_hidden": 3}),
        [*CHAT, SYSTEM, *RENDERED], gated(ATTRIBUTES, LLAMA3_PATTERN, 1, 10, armorm_gates)),
    Case("qrm-llama31", "armorm", quantiles("llama3", "LlamaForRewardModelWithGating31", ATTRIBUTES, 42, {"gating_temperature": 10}, True),
         [*CHAT, SYSTEM, *RENDERED], gated(ATTRIBUTES, LLAMA3_PATTERN, 1, 10, qrm_gates)),
    Case("qrm-gemma2", "qrm-gemma2", quantiles("gemma2", "Gemma2ForQuantileSequenceClassification", HELPSTEER, 43, {}, False),
         CHAT, gated(HELPSTEER, GEMMA2_PATTERN, 1, 1, armorm_gates)),
    Case("ldl-reward", "ldl-reward", write("gemma2", "LDLRewardModel27B", {
        **linear("regression_layer.network.0", 24, True), **linear("regression_layer.network.2", 20, True, 24),
        **linear("regression_layer.network.4", 220, True, 20), **linear("gating_layer.network.0", 24, True),
        **linear("gating_layer.network.3", 24, True, 24), **linear("gating_layer.network.6", 22, True, 24)}, seed=47, extra={
        "num_objectives": 220, "softmax": False}), [*CHAT, *with_bos("<bos>", 2)], ldl),
    Case("steerlm", "steerlm", write("llama3", "LlamaForSequenceClassification", linear("score", 9), seed=44, labels=9),
         [*CHAT, SYSTEM, *with_bos("<|begin_of_text|>", 0)],
         labelled(NEMO, {"helpfulness": 0.65, "correctness": 0.8, "coherence": 0.45}, 1)),
    Case("nemotron-340b-reward", "nemotron-340b-reward", write("llama3", "LlamaForSequenceClassification", linear("score", 9), seed=45, labels=9),
         [*CHAT, *TEXT], labelled(NEMO, {"helpfulness": 0.3, "correctness": 0.74, "coherence": 0.46, "complexity": 0.47, "verbosity": -0.33}, 1)),
    Case("multi-label", "sequence-classification", write("qwen3", "Qwen3ForSequenceClassification", linear("score", 3), seed=46, labels=3, extra={
        "id2label": {"0": "helpful", "1": "honest", "2": "harmless"}}), [*CHAT, *TEXT], labelled(["helpful", "honest", "harmless"], {"helpful": 1.0}, 0),
        options=("--label", "helpful")),
]
