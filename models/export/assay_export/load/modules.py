"""A score that modules of sentence-transformers make together: an encoder's body, Pooling, and layers behind it that
end in Dense."""

from pathlib import Path

import torch
from torch import nn

from ..errors import ExportError
from ..graph.encoder import OneRow
from ..read.files import read_json, read_list, read_weights, weight_files
from ..read.weights import parameter

POOLING = {"cls": "cls", "mean": "mean", "lasttoken": "last"}
"""Pooling's modes that are read, by the words of config.json's classifier_pooling for them."""

ENCODERS_MODES, CAUSAL_MODES = ("cls", "mean"), ("lasttoken",)
"""Those of a body whose tokens see each other, and of one whose last token has seen the others."""

OLD_MODES = {"pooling_mode_cls_token": "cls", "pooling_mode_max_tokens": "max", "pooling_mode_mean_tokens": "mean",
             "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens", "pooling_mode_weightedmean_tokens": "weightedmean",
             "pooling_mode_lasttoken": "lasttoken"}
"""Fields by which older files name the modes."""

BEHIND = {"Identity": nn.Identity, "Tanh": nn.Tanh, "GELU": nn.GELU, "ReLU": nn.ReLU, "SiLU": nn.SiLU, "Sigmoid": nn.Sigmoid}
"""torch's classes that may stand behind a Dense."""

EMBEDDING, SCORES = "sentence_embedding", "scores"
"""What modules hand on, and what the last one gives."""


class Modules(OneRow):
    """An encoder's body with what sentence-transformers pools and computes behind it."""

    def __init__(self, body: nn.Module, mode: str, layers: list[nn.Module], labels: int):
        super().__init__()
        self.whole, self.config, self.labels = body, body.config, labels
        self.config.classifier_pooling = mode
        self.head = nn.Sequential(*layers)

    @property
    def body(self) -> nn.Module:
        """The encoder without its head."""
        return self.whole

    @property
    def head_parts(self) -> list[nn.Module]:
        """The modules of the head."""
        return [self.head]

    def on_rows(self, rows: torch.Tensor) -> torch.Tensor:
        """Return the head's outputs [B, labels]."""
        return self.head(rows)

    def set_attn_implementation(self, name: str) -> None:
        """As transformers' models have it."""
        self.whole.set_attn_implementation(name)

    def forward(self, input_ids, attention_mask, **extra):
        return self.on_rows(self.rows(input_ids, attention_mask, **extra))


def folders(directory: Path) -> list[tuple[str, Path]]:
    """Return the modules of a directory, each by its class's name and its folder; ExportError when one lies outside."""
    path = directory / "modules.json"
    found = []
    for module in read_list(path):
        if not isinstance(module, dict) or not isinstance(module.get("type"), str):
            raise ExportError(f"{path}: a module has no type")
        place = str(module.get("path") or "")
        if Path(place).is_absolute() or ".." in Path(place).parts:
            raise ExportError(f"{path}: path {place!r} leaves the directory")
        found.append((module["type"].split(".")[-1], directory / place))
    return found


def modules_of(directory: Path, body: nn.Module) -> Modules:
    """Return a body with the modules behind it; ExportError names a module or a field that is not read."""
    if not (directory / "modules.json").exists():
        raise ExportError(f"{directory / 'config.json'}: architectures names {type(body).__name__}, a body without a head, and there is no modules.json "
                          "of sentence-transformers that would say what the head is")
    (_, _), (_, pooling), *rest = folders(directory)
    layers: list[nn.Module] = []
    width = body.config.hidden_size
    for number, (name, folder) in enumerate(rest, 1):
        made, width = dense(folder, width, SCORES if number == len(rest) else EMBEDDING) if name == "Dense" else norm(folder, width)
        layers += made
    return Modules(body, pooling_mode(pooling, ENCODERS_MODES), layers, width)


def pooling_mode(folder: Path, known: tuple[str, ...]) -> str:
    """Return the one mode of a Pooling, which must be known."""
    config = read_json(folder / "config.json")
    modes = config.get("pooling_mode") or [mode for name, mode in OLD_MODES.items() if config.get(name)]
    modes = [modes] if isinstance(modes, str) else modes
    if len(modes) != 1 or modes[0] not in known:
        raise ExportError(f"{folder / 'config.json'}: pooling_mode is {', '.join(map(str, modes)) or 'missing'}; supported here: {', '.join(known)}")
    return POOLING[modes[0]]


def dense(folder: Path, width: int, wanted: str) -> tuple[list[nn.Module], int]:
    """Return a Dense, its Linear and what stands behind it, and its outputs; wanted is what it must say that they
    are."""
    path, weights = folder / "config.json", read_weights(weight_files(folder))
    config = read_json(path)
    given, out = config.get("module_input_name", EMBEDDING), config.get("module_output_name") or EMBEDDING
    if given != EMBEDDING or out != wanted:
        raise ExportError(f"{path}: it makes {out} of {given}, and {wanted} of {EMBEDDING} is wanted")
    if config.get("use_residual"):
        raise ExportError(f"{path}: use_residual is not supported")
    named = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    short = named.split(".")[-1]
    if not named.startswith("torch.nn.") or short not in BEHIND:
        raise ExportError(f"{path}: activation_function is {named}; supported are {', '.join(BEHIND)} of torch")
    layer = nn.Linear(width, take(weights, folder, "linear.weight", (None, width)).shape[0], bias=bool(config.get("bias", True)), device="meta")
    layer.weight = take(weights, folder, "linear.weight", (None, width))
    if layer.bias is not None:
        layer.bias = take(weights, folder, "linear.bias", (layer.out_features,))
    return [layer, BEHIND[short]()], layer.out_features


def norm(folder: Path, width: int) -> tuple[list[nn.Module], int]:
    """Return a LayerNorm and its outputs."""
    weights = read_weights(weight_files(folder))
    layer = nn.LayerNorm(width, device="meta")
    layer.weight, layer.bias = (take(weights, folder, f"norm.{name}", (width,)) for name in ("weight", "bias"))
    return [layer], width


def take(weights: dict[str, torch.Tensor], folder: Path, name: str, shape: tuple[int | None, ...]) -> nn.Parameter:
    """Return a module's weight; ExportError when it is absent or has another shape (None: any size)."""
    value = weights.get(name)
    if value is None:
        raise ExportError(f"{folder} has no weight {name}")
    if value.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, value.shape, strict=True)):
        raise ExportError(f"{folder}: weight {name} has shape {list(value.shape)}, and what stands before gives {shape[-1]} numbers")
    return parameter(value)
