"""What sentence-transformers keeps beside a checkpoint: which modules make the model, and what its CrossEncoder puts
behind the score."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import ExportError
from ..read.files import read_json, read_list
from .modules import folders

MODULES, SETTINGS, TRANSFORMER = "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"
FILES = (MODULES, SETTINGS, TRANSFORMER)
ACTIVATIONS = {"Identity": "none", "Sigmoid": "sigmoid"}
"""torch's classes that the manifest has a word for."""


@dataclass(frozen=True)
class CrossEncoder:
    """A directory that says that it is a CrossEncoder of sentence-transformers."""

    where: str
    """The file and field that name the activation, or what is done without one."""
    named: str | None
    """The activation as it stands there; None: none is named."""
    activation: str | None
    """In the manifest's words; None where it has none for it."""
    longest: int | None
    """Tokens at which it cuts two texts, where a file says so beside the tokenizer."""
    logits: bool = False
    """Its score is LogitScore's, of next-token logits."""


def read_sentence(directory: Path) -> CrossEncoder | None:
    """Return what a directory says of a CrossEncoder, or None when it is none.

    ExportError when its modules make embeddings, or scores otherwise than by one transformers class.
    """
    raw = read_json(directory / "config.json") if (directory / "config.json").exists() else {}
    listed, settings, own = directory / MODULES, optional(directory / SETTINGS), optional(directory / TRANSFORMER)
    marks = raw.get("sentence_transformers")
    old, logits = raw.get("sbert_ce_default_activation_function"), False
    if listed.exists():
        logits = check_modules(listed, settings, own, directory)
    elif not isinstance(marks, dict) and old is None:
        return None
    check_text(directory, settings, own, logits)
    found = [(SETTINGS, "activation_fn", settings.get("activation_fn")),
             ("config.json", "sentence_transformers.activation_fn", marks.get("activation_fn") if isinstance(marks, dict) else None),
             ("config.json", "sbert_ce_default_activation_function", old)]
    file, key, named = next((entry for entry in found if entry[2] is not None), found[0])
    longest = own.get("max_seq_length")
    if named is None:
        labels = len(raw.get("id2label") or []) or raw.get("num_labels") or 2
        if listed.exists() and len(places := folders(directory)) > 1:
            labels = 1 if logits else read_json(places[-1][1] / "config.json").get("out_features", 2)
        return CrossEncoder(f"{directory} names no activation_fn", None, "sigmoid" if labels == 1 else "none", longest, logits)
    short = str(named).removeprefix("torch.nn.modules.activation.").removeprefix("torch.nn.modules.linear.").removeprefix("torch.nn.")
    return CrossEncoder(f"{directory / file}: {key} is {named}", str(named), ACTIVATIONS.get(short), longest, logits)


def check_modules(listed: Path, settings: dict, own: dict, directory: Path) -> bool:
    """Refuse modules that do not make a score in one of three ways: by one transformers class, by layers behind its
    body, or by LogitScore behind a causal language model, of which it returns True."""
    modules = read_list(listed)
    names = [str(module.get("type") if isinstance(module, dict) else module).split(".")[-1] for module in modules]
    if settings.get("model_type") != "CrossEncoder":
        raise ExportError(f"{listed}: the modules {', '.join(names)} make a {settings.get('model_type')}, whose embeddings are no scores; a reward "
                          "model, a CrossEncoder or a SentenceTransformer is wanted")
    behind = names[:2] == ["Transformer", "Pooling"] and names[-1] == "Dense" and set(names[2:]) <= {"Dense", "LayerNorm"}
    logits = names == ["Transformer", "LogitScore"] and isinstance(modules[1], dict) and modules[1]["type"].startswith("sentence_transformers.")
    if names != ["Transformer"] and not behind and not logits:
        raise ExportError(f"{listed}: the modules {', '.join(names)} make the score together, and what is read is a Transformer with a head of its own, "
                          "Transformer and LogitScore, or Transformer, Pooling and then Dense or LayerNorm, a Dense last")
    wanted = "feature-extraction" if behind else "text-generation" if logits else "sequence-classification"
    check_beside(directory, own, wanted)
    return logits


def check_beside(directory: Path, own: dict, wanted: str) -> None:
    """Refuse a Transformer that lies in a folder of its own, or that is loaded for another task; own is its
    sentence_bert_config.json."""
    listed = directory / MODULES
    place, task = str(read_list(listed)[0].get("path") or ""), own.get("transformer_task", wanted)
    if place not in ("", "."):
        raise ExportError(f"{listed}: path: the Transformer lies in {place!r}, and it is read beside {MODULES}; move its files there")
    if task != wanted:
        raise ExportError(f"{directory / TRANSFORMER}: transformer_task is {task!r}, and these modules need {wanted}")


def check_text(directory: Path, settings: dict, own: dict, logits: bool) -> None:
    """Refuse what changes the two texts before the tokenizer sees them, but for a prompt and a chat template before
    LogitScore."""
    prompt = settings.get("default_prompt_name")
    if not logits and prompt is not None and (settings.get("prompts") or {}).get(prompt):
        raise ExportError(f"{directory / SETTINGS}: default_prompt_name: the prompt {prompt!r} goes before each query, which is not supported; take the "
                          "field out, and write it into the queries")
    if not logits and "message" in (own.get("modality_config") or {}):
        raise ExportError(f"{directory / TRANSFORMER}: modality_config: message: two texts rendered through a chat template are not supported")
    for name in ("do_lower_case", "processing_kwargs"):
        if own.get(name) and not (logits and name == "processing_kwargs" and set(own[name]) == {"chat_template"}):
            raise ExportError(f"{directory / TRANSFORMER}: {name}: {own[name]!r} changes what the tokenizer reads, and is not supported")


def optional(path: Path) -> dict:
    """Return a JSON file's object, empty when there is no such file."""
    return read_json(path) if path.exists() else {}
