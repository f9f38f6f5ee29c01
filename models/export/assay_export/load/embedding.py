"""Embedding models of sentence-transformers: a body, Pooling, and Dense, LayerNorm or Normalize behind it, which make a
text's vector."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ..bodies.bodies import ENCODERS
from ..errors import ExportError
from ..manifest import MOST_FIXED
from ..read.files import read_json, read_list
from .modules import CAUSAL_MODES, EMBEDDING, ENCODERS_MODES, Modules, dense, folders, norm, pooling_mode
from .sentence import MODULES, SETTINGS, TRANSFORMER, check_beside, check_text, optional

SIMILARITIES = {"cosine": "cosine", "dot": "dot", "dot_product": "dot"}
"""sentence-transformers' names of similarities that the manifest has a word for."""

DOCUMENTS = ("document", "passage", "corpus")
"""Names of a prompt for what answers, the first that is there; that for what asks is named `query`."""


@dataclass(frozen=True)
class Embedder:
    """A directory that says that it is a SentenceTransformer."""

    similarity: str
    before: dict[str, str]
    """What stands before a prompt and before a response, where anything does."""
    longest: int | None
    """Tokens at which it cuts a text, where a file says so beside the tokenizer."""
    notices: list[str]
    """Sentences for the user."""


def read_embedder(directory: Path) -> Embedder | None:
    """Return what a directory says of a SentenceTransformer, or None when it is none.

    ExportError names what of its modules or of its texts is not read.
    """
    listed, settings, own = directory / MODULES, optional(directory / SETTINGS), optional(directory / TRANSFORMER)
    if not listed.exists() or settings.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        return None
    names = [str(module.get("type") if isinstance(module, dict) else module).split(".")[-1] for module in read_list(listed)]
    if names[:2] != ["Transformer", "Pooling"] or not set(names[2:]) <= {"Dense", "LayerNorm", "Normalize"}:
        raise ExportError(f"{listed}: the modules {', '.join(names)} make a SentenceTransformer, whose embeddings are no scores, and what is read of those "
                          "is Transformer, Pooling and then Dense, LayerNorm or Normalize")
    check_beside(directory, own, "feature-extraction")
    check_text(directory, settings | {"default_prompt_name": None}, own, logits=False)
    named = settings.get("similarity_fn_name") or "cosine"
    if named not in SIMILARITIES:
        raise ExportError(f"{directory / SETTINGS}: similarity_fn_name is {named}; supported are cosine and dot")
    before, notices = prompts(directory, settings)
    if before and not read_json(folders(directory)[1][1] / "config.json").get("include_prompt", True):
        raise ExportError(f"{folders(directory)[1][1] / 'config.json'}: include_prompt: false leaves the prompts of {SETTINGS} out of "
                          "the mean, which is not supported")
    return Embedder(SIMILARITIES[named], before, own.get("max_seq_length"), notices)


def prompts(directory: Path, settings: dict) -> tuple[dict[str, str], list[str]]:
    """Return what encode_query and encode_document put before a text, and sentences for the user."""
    known = settings.get("prompts") or {}
    if not isinstance(known, dict) or not all(isinstance(text, str | None) for text in known.values()):
        raise ExportError(f"{directory / SETTINGS}: prompts must be texts by name")
    answers = next((name for name in DOCUMENTS if known.get(name)), "")
    found = {side: known[name] for side, name in (("prompt", "query"), ("response", answers)) if known.get(name)}
    for side, text in found.items():
        if len(text.encode()) > MOST_FIXED:
            raise ExportError(f"{directory / SETTINGS}: prompts: what goes before a {side} has {len(text.encode())} bytes, and may have {MOST_FIXED}")
    notices = [f"{directory / SETTINGS}: {text!r} goes before each {side}, as encode_{'query' if side == 'prompt' else 'document'} has it"
               for side, text in found.items()]
    unread = sorted(name for name, text in known.items() if text and text not in found.values())
    if unread:
        notices.append(f"{directory / SETTINGS}: the prompts {', '.join(unread)} are not put before any text; a client can write them there")
    return found, notices


class Normalize(nn.Module):
    """Rows at length 1, as sentence-transformers' module has it.

    torch's own normalize would ask in the graph for the rows' shape, which ONNX Runtime computes on the processors.
    """

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return rows / rows.norm(dim=-1, keepdim=True).clamp_min(1e-12)


def normalize(folder: Path, width: int) -> tuple[list[nn.Module], int]:
    """Return a Normalize, which has no weights and often no folder."""
    path = folder / "config.json"
    config = read_json(path) if path.exists() else {}
    for name in ("module_input_name", "module_output_name"):
        if config.get(name) not in (None, EMBEDDING):
            raise ExportError(f"{path}: {name} is {config[name]}, and {EMBEDDING} is wanted")
    return [Normalize()], width


def embedder_of(directory: Path, body: nn.Module, width: int) -> Modules | nn.Sequential:
    """Return an encoder's body with what pools it and stands behind that, or of a causal model, which is read at its
    last token, what stands behind its body alone; width is that of the body's states."""
    if not (directory / MODULES).exists():
        raise ExportError(f"{directory} has no {MODULES} of sentence-transformers, which would say how a text's vector is made of the body's states")
    (_, _), (_, pooling), *rest = folders(directory)
    encoder = body.config.model_type in ENCODERS
    mode = pooling_mode(pooling, ENCODERS_MODES if encoder else CAUSAL_MODES)
    layers: list[nn.Module] = []
    for name, folder in rest:
        made, width = dense(folder, width, EMBEDDING) if name == "Dense" else {"LayerNorm": norm, "Normalize": normalize}[name](folder, width)
        layers += made
    return Modules(body, mode, layers, width) if encoder else nn.Sequential(*layers)
