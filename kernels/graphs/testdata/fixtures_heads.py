"""One file per kind of head, exported by torch.onnx.export, with PyTorch's outputs and gradients in float64."""

import contextlib
import io
import json
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional as F

SEED, ROWS, HIDDEN = 7, 5, 16


class Linear(nn.Sequential):
    """A scalar head without bias."""

    def __init__(self):
        super().__init__(nn.Linear(HIDDEN, 1, bias=False))


def mlp(activation: type[nn.Module], outputs: int = 1):
    """Linear, activation, Linear."""
    return lambda: nn.Sequential(nn.Linear(HIDDEN, 24), activation(), nn.Linear(24, outputs))


def value_head():
    """LayerNorm, Linear, GELU, dropout, Linear with bias."""
    return nn.Sequential(nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, 20), nn.GELU(), nn.Dropout(0.1), nn.Linear(20, 1))


def rms_head():
    """RMSNorm, Linear, SELU, Linear."""
    return nn.Sequential(nn.RMSNorm(HIDDEN, eps=1e-6), nn.Linear(HIDDEN, 20), nn.SELU(), nn.Linear(20, 1))


def token_head():
    """Two classes of a step, as probabilities."""
    return nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2), nn.Softmax(-1))


class Gating(nn.Module):
    """ArmoRM: objectives of the response's row, weighed by a softmax over a network of the prompt's row."""

    def __init__(self):
        super().__init__()
        self.values = nn.Linear(HIDDEN, 5, bias=False)
        self.layers = nn.Sequential(nn.Linear(HIDDEN, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 5))
        self.register_buffer("transform", torch.eye(5) - 0.1 * torch.randn(5, 5))
        self.scale = nn.Parameter(torch.tensor(1.3))

    def forward(self, hidden, prompt):
        rewards = self.values(hidden)
        gates = torch.softmax(self.layers(prompt) / 10, -1) * self.scale
        return (gates * (rewards @ self.transform)).sum(-1, keepdim=True), rewards, gates


class Quantiles(nn.Module):
    """QRM: quantiles of each attribute and their expectation; gates from layers with batch norm."""

    def __init__(self):
        super().__init__()
        self.quantiles = nn.Linear(HIDDEN, 4 * 7, bias=False)
        self.layers = nn.Sequential(nn.Linear(HIDDEN, 10, bias=False), nn.BatchNorm1d(10), nn.ReLU(), nn.Linear(10, 4))
        self.layers[1].running_mean.normal_()
        self.layers[1].running_var.uniform_(0.5, 2)

    def forward(self, hidden, prompt):
        quantiles = self.quantiles(hidden).view(-1, 4, 7)
        gates = torch.softmax(self.layers(prompt), -1)
        expected = quantiles.mean(-1)
        return (expected * gates).sum(1, keepdim=True), expected, (quantiles * gates.unsqueeze(-1)).sum(1)


class Bins(nn.Module):
    """LDL: probabilities of ten bins for each attribute, expected at equal distances."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Linear(HIDDEN, 3 * 10)
        self.register_buffer("places", torch.linspace(0, 1, 10))

    def forward(self, hidden):
        return torch.softmax(self.layers(hidden).view(-1, 3, 10), -1) @ self.places


class Preference(nn.Module):
    """GPM: an embedding of length 1 and scales of its planes."""

    def __init__(self):
        super().__init__()
        self.embedding, self.scale = nn.Linear(HIDDEN, 6, bias=False), nn.Linear(HIDDEN, 3, bias=False)

    def forward(self, hidden):
        return torch.cat([F.normalize(self.embedding(hidden), dim=-1), torch.softmax(self.scale(hidden), -1)], -1)


class PreferencePair(nn.Module):
    """GPM: the preference between two rows, by the planes of their embeddings."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Linear(HIDDEN, 6, bias=False)

    def forward(self, first, second):
        a, b = F.normalize(self.embedding(first), dim=-1), F.normalize(self.embedding(second), dim=-1)
        return (a[:, 0::2] * b[:, 1::2] - a[:, 1::2] * b[:, 0::2]).sum(-1, keepdim=True) / 0.1


class PairRM(nn.Module):
    """PairRM: one network reads source and candidate; the mean over its tasks of the difference."""

    def __init__(self):
        super().__init__()
        self.head = nn.Sequential(nn.Linear(2 * HIDDEN, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 7))

    def forward(self, source, first, second):
        one, two = self.head(torch.cat([source, first], -1)), self.head(torch.cat([source, second], -1))
        return (one - two).mean(-1, keepdim=True)


class UserConcat(nn.Module):
    """VPL: the user's latent beside each hidden state."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(HIDDEN + 4, 20), nn.SiLU(), nn.Linear(20, 1))

    def forward(self, hidden, latent):
        return self.layers(torch.cat([hidden, latent.expand(hidden.shape[0], -1)], -1))


class UserDot(nn.Module):
    """The user's latent as weights of features; one latent for each row."""

    def __init__(self):
        super().__init__()
        self.features = nn.Linear(HIDDEN, 4)

    def forward(self, hidden, latent):
        return (torch.tanh(self.features(hidden)) * latent).sum(-1, keepdim=True)


class UserMixture(nn.Module):
    """PAL: prototypes weighed by a softmax of the user's latent."""

    def __init__(self):
        super().__init__()
        self.prototypes = nn.Sequential(nn.Linear(HIDDEN, 12), nn.GELU(approximate="tanh"), nn.Linear(12, 4))

    def forward(self, hidden, latent):
        return torch.matmul(self.prototypes(hidden), torch.softmax(latent, -1).unsqueeze(-1))


class Attributes(nn.Module):
    """HelpSteer: attributes of a linear layer with bias and their weighted sum; the last five of nine count."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(HIDDEN, 9)
        self.register_buffer("weights", torch.tensor([0.3, 0.74, 0.46, 0.47, -0.33]))

    def forward(self, hidden):
        attributes = self.layer(hidden)[:, 4:]
        return attributes, (attributes * self.weights).sum(-1, keepdim=True)


class Ensemble(nn.Module):
    """The mean of three heads, its spread, and the least of them."""

    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(HIDDEN, 8), nn.ReLU(), nn.Linear(8, 1)) for _ in range(3))

    def forward(self, hidden):
        all_ = torch.cat([head(hidden) for head in self.heads], -1)
        mean = all_.mean(-1, keepdim=True)
        spread = ((all_ - mean) ** 2).mean(-1, keepdim=True).sqrt()
        return torch.cat([mean, mean - 0.5 * spread, all_.amin(-1, keepdim=True)], -1)


class Uncertain(nn.Module):
    """URM: means and standard deviations of attributes from one layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(HIDDEN, 10)

    def forward(self, hidden):
        mean, log_std = self.layer(hidden).chunk(2, -1)
        std = torch.exp(log_std).clamp(0.3, 2.0)
        return torch.cat([mean, std], -1), (mean / std).sum(-1, keepdim=True), torch.logsumexp(mean, -1, keepdim=True)


class Judge(nn.Module):
    """A judge of features: normalised by a mean and a standard deviation, clipped, three layers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.randn(HIDDEN))
        self.register_buffer("std", torch.rand(HIDDEN) + 0.5)
        self.layers = nn.Sequential(nn.Linear(HIDDEN, 24), nn.Mish(), nn.Linear(24, 24), nn.Softplus(), nn.Linear(24, 1), nn.Sigmoid())

    def forward(self, features):
        return self.layers(((features - self.mean) / self.std).clamp(-3.0, 3.0))


HEADS = {
    "linear": (Linear, ["hidden"]),
    "linear-bias": (lambda: nn.Linear(HIDDEN, 1), ["hidden"]),
    "mlp-relu": (mlp(nn.ReLU), ["hidden"]),
    "mlp-silu": (mlp(nn.SiLU), ["hidden"]),
    "mlp-tanh": (mlp(nn.Tanh), ["hidden"]),
    "mlp-gelu": (mlp(nn.GELU), ["hidden"]),
    "mlp-leaky": (mlp(nn.LeakyReLU, 3), ["hidden"]),
    "value-head": (value_head, ["hidden"]),
    "rms-head": (rms_head, ["hidden"]),
    "token-head": (token_head, ["hidden"]),
    "gating": (Gating, ["hidden", "prompt"]),
    "quantiles": (Quantiles, ["hidden", "prompt"]),
    "bins": (Bins, ["hidden"]),
    "preference": (Preference, ["hidden"]),
    "preference-pair": (PreferencePair, ["first", "second"]),
    "pairrm": (PairRM, ["source", "first", "second"]),
    "user-concat": (UserConcat, ["hidden", "latent"]),
    "user-dot": (UserDot, ["hidden", "latent"]),
    "user-mixture": (UserMixture, ["hidden", "latent"]),
    "attributes": (Attributes, ["hidden"]),
    "ensemble": (Ensemble, ["hidden"]),
    "uncertain": (Uncertain, ["hidden"]),
    "judge": (Judge, ["features"]),
}
SHARED = {"user-concat": {"latent": (1, 4)}, "user-mixture": {"latent": (4,)}}
LATENT_ROWS = {"user-dot": {"latent": (ROWS, 4)}}
NO_SCRIPT = {"rms-head"}
"""The older exporter has no RMSNorm."""
HALVES = ("mlp-silu", "value-head")


def export(module: nn.Module, inputs: dict[str, torch.Tensor], shared: set[str], outputs: list[str], dynamo: bool) -> onnx.ModelProto:
    names = list(inputs)
    with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        if dynamo:
            rows = torch.export.Dim("rows")
            shapes = tuple(None if name in shared else {0: rows} for name in names)
            model = torch.onnx.export(module, tuple(inputs.values()), input_names=names, output_names=outputs, dynamic_shapes=shapes,
                                      dynamo=True, opset_version=20, verbose=False).model_proto
        else:
            file = io.BytesIO()
            axes = {name: {0: "rows"} for name in [*names, *outputs] if name not in shared}
            torch.onnx.export(module, tuple(inputs.values()), file, input_names=names, output_names=outputs, dynamic_axes=axes,
                              dynamo=False, opset_version=17)
            model = onnx.load_from_string(file.getvalue())
    return plain(model)


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop notes that say nothing about the computation: source lines, file paths, inner shapes."""
    model.producer_name, model.producer_version, model.doc_string = "make.py", "", ""
    del model.metadata_props[:]
    del model.graph.value_info[:], model.graph.metadata_props[:]
    model.graph.doc_string = ""
    for part in (*model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    return model


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """Store matrices as float16, widened by a Cast, as the exporter's lower precision does."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    casts = []
    for weight in model.graph.initializer:
        if len(weight.dims) == 2:
            value, name = numpy_helper.to_array(weight), weight.name
            weight.CopyFrom(numpy_helper.from_array(value.astype(np.float16), name + ".half"))
            casts.append(helper.make_node("Cast", [name + ".half"], [name], to=TensorProto.FLOAT, name=name + ".cast"))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def reference(module: nn.Module, inputs: dict[str, torch.Tensor], names: list[str]) -> dict:
    """Return inputs, outputs and the gradient of every column of every [rows, labels] output by every input, in float64."""
    module = module.double()
    leaves = {name: value.double().requires_grad_() for name, value in inputs.items()}
    result = module(*leaves.values())
    outputs = dict(zip(names, result if isinstance(result, tuple) else (result,), strict=True))
    gradients = []
    for output, value in outputs.items():
        for label in range(value.shape[1] if value.ndim == 2 else 0):
            slopes = torch.autograd.grad(value[:, label].sum(), list(leaves.values()), retain_graph=True, allow_unused=True)
            found = [(name, slope) for name, slope in zip(leaves, slopes, strict=True) if slope is not None]
            gradients += [{"output": output, "label": label, "input": name, **array(slope)} for name, slope in found]
    return {"inputs": {n: array(v) for n, v in inputs.items()}, "outputs": {n: array(v) for n, v in outputs.items()}, "gradients": gradients}


def array(value: torch.Tensor) -> dict:
    return {"dims": list(value.shape), "data": [float(np.float32(v)) for v in value.detach().flatten().tolist()]}


def make(folder: Path) -> None:
    for logger in ("torch.onnx", "onnxscript"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    for name, (build, names) in HEADS.items():
        torch.manual_seed(SEED)
        module = build().eval()
        shared = SHARED.get(name, {})
        sizes = {**{n: (ROWS, HIDDEN) for n in names}, **shared, **LATENT_ROWS.get(name, {})}
        inputs = {n: torch.randn(*sizes[n]) for n in names}
        with torch.no_grad():
            result = module(*inputs.values())
        outputs = ["score", "rewards", "other"][: len(result) if isinstance(result, tuple) else 1]
        model = export(module, inputs, set(shared), outputs, dynamo=True)
        save(folder / f"{name}.onnx", model)
        if name not in NO_SCRIPT:
            save(folder / f"{name}.script.onnx", export(module, inputs, set(shared), outputs, dynamo=False))
        if name in HALVES:
            save(folder / f"{name}.half.onnx", halved(model))
        (folder / f"{name}.json").write_text(json.dumps(reference(module, inputs, outputs), separators=(",", ":")) + "\n")


def save(file: Path, model: onnx.ModelProto) -> None:
    file.write_bytes(model.SerializeToString(deterministic=True))
