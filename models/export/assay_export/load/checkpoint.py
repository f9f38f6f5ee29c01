"""Reading a checkpoint directory: config, weights and head, without running anything that lies in it."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification
from transformers.initialization import no_init_weights

from ..bodies import internlm2, stacked
from ..bodies.bodies import ENCODERS, check_type, describe
from ..bodies.nested import text_config, text_weights
from ..bodies.rope import position_limit
from ..bodies.routers import check_counts
from ..errors import ExportError, about, first_line
from ..graph.encoder import Classifier, EveryToken
from ..models import heads
from ..models.model import Model, Part, decoder, encoder
from ..read.family import Family, resolve
from ..read.files import digest, index_notices, read_json, read_weights, weight_files
from ..read.foreign import why_no_config, why_no_head
from ..read.tokenizer import load_tokenizer
from ..read.values import check_values, label_names, short
from ..read.weights import checked, parameter
from . import forms
from .embedding import embedder_of
from .modules import Modules, folders, modules_of
from .sentence import FILES as SENTENCE_FILES

IGNORED = (
    "lm_head.weight", "lm_head.bias", "embed_out.weight", "rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias",
    ".attention.masked_bias", "embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
"""Endings of weights that a body may do without: heads of other tasks, and buffers that old versions of transformers
saved."""

DROPPED = ("auto_map", "model_type", "architectures", "dtype", "torch_dtype", "return_dict", "use_return_dict", "output_hidden_states",
           "output_attentions", "use_cache")
"""Fields of config.json that are not handed on: references to code, what is read elsewhere, and what a call returns
beside its result."""

TEXT_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja")
"""Files that say what text means, where they are there; the digest covers them."""

BESIDE = {"v_head.summary": "value_head.safetensors", "reward_head": "reward_head.safetensors"}
"""Where heads of these names may lie beside the weights: LLaMA-Factory's, and ReasonFlux-PRM's once it is no pickle."""

PREFIXES = ("model.", "model.language_model.", "language_model.model.", "transformer.", "gpt_neox.", "bert.", "roberta.", "deberta.",
            "backbone_model.", "pretrained_model.model.", "")
"""Where a body's weights lie when the family does not say; the first that fits."""


@dataclass
class Checkpoint:
    """A checkpoint in float32; large weights stay in their files until they are used."""

    model: Model
    label_names: list[str] | None
    """Names of the head's outputs when config.json, or the head itself, gives them a meaning."""
    digest: str
    notices: list[str]
    """Sentences for the user."""


def read_config(directory: Path) -> tuple[dict, str]:
    """Return config.json and the class that it names; ExportError says why the directory cannot be exported."""
    if (directory / "adapter_config.json").exists():
        raise ExportError(f"{directory} holds a LoRA adapter (adapter_config.json) and is read as a whole checkpoint here, where which of the two is "
                          "meant is unknown; give the adapter's files a directory of their own, or merge it into its base model and save that first")
    path = directory / "config.json"
    if not path.exists() and not path.is_symlink():
        raise ExportError(why_no_config(directory))
    raw = read_json(path)
    classes = raw.get("architectures")
    if not classes:
        raise ExportError(f"{path}: architectures is missing, so the kind of head is unknown; write the class that the weights are of, such as "
                          "[\"LlamaForSequenceClassification\"]")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ExportError(f"{path}: architectures is {short(classes)}, and must be a list of class names")
    if len(classes) > 1:
        raise ExportError(f"{path}: architectures names {short(classes)}, and only one of them can be the class of the weights; leave that one")
    check_values(raw, path)
    if raw.get("transformers_weights") is not None:
        raise ExportError(f"{path}: transformers_weights: weights under a name of their own are not supported; name the file model.safetensors")
    return raw, classes[0]


def load(directory: Path, raw: dict, family: Family, tokenizer: Tokenizer, reference: Path | None = None,
         harmless: Collection[str] = ()) -> Checkpoint:
    """Load a checkpoint directory, whose config.json is raw, as its family says; reference is a likelihood model's
    second directory.

    harmless are unknown keys of the reference's config.json that change no score, as the user says.
    ExportError names the file, field or weight that is missing or does not fit.
    """
    files = weight_files(directory)
    named = str(family.head.get("name"))
    if named in BESIDE and (directory / BESIDE[named]).is_file():
        files.append(directory / BESIDE[named])
    read = [directory / "config.json", *files, *(directory / name for name in (*TEXT_FILES, *SENTENCE_FILES) if (directory / name).exists())]
    if family.head.get("form") == "classifier":
        model = classifier(raw, directory, read_weights(files))
    elif family.head.get("form") == "embedding":
        model = embedder(raw, directory, text_weights(read_weights(files), raw["model_type"]))
    elif family.head.get("form") == "tokens":
        model = token_embedder(raw, directory, read_weights(files))
    elif family.head.get("form") == "modules":
        body = empty_body(body_config(raw, directory))
        weights = old_norms(read_weights(files))
        fill(body, "", weights, set(), weights)
        whole = modules_of(directory, body)
        model = encoder(whole, whole.labels)
    else:
        weights = read_weights(files)
        if named in BESIDE and f"{named}.weight" not in weights and (why := why_no_head(directory, BESIDE[named])):
            raise ExportError(why)
        parts = [part(raw, directory, family, tokenizer, text_weights(weights, raw["model_type"]))]
        if reference is not None:
            other, *_ = text_config(read_config(reference)[0], reference / "config.json", harmless)
            if load_tokenizer(reference)[0].get_vocab() != tokenizer.get_vocab():
                raise ExportError(f"{reference / 'tokenizer.json'}: the reference has another vocabulary than the policy, so its ids mean other text")
            more = weight_files(reference)
            with about(reference):
                parts.append(part(other, reference, family, tokenizer, text_weights(read_weights(more), other["model_type"])))
            read += [reference / "config.json", *more, reference / "tokenizer.json"]
        model = parts[0] if isinstance(parts[0], Model) else decoder(*cast(list[Part], parts))
    if (directory / "modules.json").exists():
        behind = [folder for _, folder in folders(directory)[1:] if folder.is_dir() and folder != directory]
        read += [path for folder in behind for path in sorted(folder.iterdir()) if path.is_file()]
    names = getattr(model.parts[0].head, "names", None) if model.parts else None
    return Checkpoint(model, names or label_names(raw, directory / "config.json"), digest(read), index_notices(read))


def embedder(raw: dict, directory: Path, weights: dict[str, torch.Tensor]) -> Model:
    """Return a model whose readings are a text's vector; its head is what modules.json puts behind the body."""
    body, weights = empty_body(body_config(raw, directory)), old_norms(weights)
    prefix = find_prefix(weights, body)
    given = {name.removeprefix(prefix): value for name, value in weights.items()}
    fill(body, prefix, stacked.stacked(given, body.config, raw), set(), weights)
    head = embedder_of(directory, body, describe(body.config).hidden)
    return encoder(head, head.labels) if isinstance(head, Modules) else decoder(Part(body, head))


def token_embedder(raw: dict, directory: Path, weights: dict[str, torch.Tensor]) -> Model:
    """Return an encoder's body alone, whose readings are the last states of its tokens. Heads of other tasks beside it,
    and a pooler, are left out."""
    body, weights = empty_body(body_config(raw, directory)), old_norms(weights)
    if getattr(body, "pooler", None) is not None:
        body.pooler = None
    prefix = find_prefix(weights, body)
    given = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
    fill(body, prefix, given, set(), weights)
    whole = EveryToken(body)
    return encoder(whole, whole.labels)


def part(raw: dict, directory: Path, family: Family, tokenizer: Tokenizer, weights: dict[str, torch.Tensor]) -> Part | Model:
    """Return a body with its head, or an encoder's model when the head is one of those that pool by themselves."""
    config = body_config(raw, directory, family)
    form = resolve(family.head, tokenizer, raw)
    body = empty_body(config)
    prefix = family.body.get("prefix")
    if prefix is None:
        prefix = find_prefix(weights, body)
    given = {name.removeprefix(prefix): value for name, value in weights.items()}
    if len(given) != len(weights):
        twice = next(name for name in sorted(weights) if name.startswith(prefix) and name.removeprefix(prefix) in weights)
        raise ExportError(f"the checkpoint has the weights {twice} and {twice.removeprefix(prefix)}, and only one can be meant")
    if raw.get("model_type") == "internlm2":
        given = internlm2.llama_weights(given, config)
    given = stacked.stacked(given, config, raw)
    embedding = given.get(name_of(body, body.get_input_embeddings().weight))
    source = heads.Given(form, weights, body, embedding, describe(config).hidden, raw)
    head = forms.build(source)
    fill(body, prefix, given, {name.removeprefix(prefix) for name in source.used}, weights)
    return encoder(head, head.labels) if isinstance(head, heads.Pooled | Modules) else Part(body, head)


def find_prefix(weights: dict[str, torch.Tensor], body: nn.Module) -> str:
    """Return the first of PREFIXES under which the body's embedding lies, or the one under which anything lies."""
    table = name_of(body, body.get_input_embeddings().weight)
    names = (table, "tok_embeddings.weight")
    for prefix in PREFIXES:
        if any(prefix + name in weights for name in names):
            return prefix
    strange = next((name for name in sorted(weights) if name.endswith("." + table)), None)
    if strange is not None:
        raise ExportError(f"the checkpoint has a weight {strange}, and {table} is wanted under one of the prefixes {', '.join(filter(None, PREFIXES))}, "
                          "or none; save the model from within what wraps it")
    return next(prefix for prefix in PREFIXES if any(name.startswith(prefix) for name in weights))


def name_of(body: nn.Module, parameter: nn.Parameter) -> str:
    """Return a parameter's name in the body."""
    return next(name for name, own in body.named_parameters() if own is parameter)


def body_config(raw: dict, directory: Path, family: Family | None = None):
    """Return the transformers config of the body. References to code (`auto_map`) are dropped, never followed."""
    own = family.body if family else {}
    raw = raw | ({"model_type": own["model_type"]} if "model_type" in own else {})
    check_type(raw.get("model_type"), str(directory / "config.json"))
    if raw["model_type"] == "internlm2":
        raw = internlm2.llama_config(raw)
    kept = {key: value for key, value in raw.items() if key not in DROPPED}
    try:
        config = AutoConfig.for_model(raw["model_type"], **kept)
        describe(config)
        position_limit(config)
        check_counts(config)
        empty_body(config)
    except ExportError:
        raise
    except Exception as error:  # transformers raises many kinds here; each means the same to the caller
        raise ExportError(f"{directory / 'config.json'}: {first_line(error)}") from error
    return config


def empty_body(config) -> nn.Module:
    """Return a body without values."""
    with no_init_weights():
        return AutoModel.from_config(config, dtype=torch.float32, attn_implementation="eager", trust_remote_code=False).eval()


def classifier(raw: dict, directory: Path, weights: dict[str, torch.Tensor]) -> Model:
    """Return an encoder with transformers' own classification head."""
    config = body_config(raw, directory)
    if config.model_type not in ENCODERS:
        raise ExportError(f"{directory / 'config.json'}: model_type {config.model_type!r} is no encoder; they are {', '.join(ENCODERS)}")
    with no_init_weights():
        model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32, attn_implementation="eager",
                                                               trust_remote_code=False).eval()
    fill(model, "", old_norms(weights), set(), weights)
    return encoder(Classifier(model), config.num_labels)


def old_norms(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights with BERT's first names of a norm's parts, gamma and beta, as weight and bias."""
    ends = {".LayerNorm.gamma": ".LayerNorm.weight", ".LayerNorm.beta": ".LayerNorm.bias"}
    return {name.removesuffix(old) + ends[old] if (old := next((end for end in ends if name.endswith(end)), None)) else name: value
            for name, value in weights.items()}


def fill(module: nn.Module, prefix: str, given: dict[str, torch.Tensor], used: set[str], stored: dict[str, torch.Tensor]) -> None:
    """Fill every parameter of a module; ExportError names the first weight that is missing, of another shape, not
    finite or extra.

    given has the weights without the prefix, stored as the files name them; used names weights that the head took.
    """
    wanted = module.state_dict()
    tied = set(getattr(module, "all_tied_weights_keys", None) or {})
    for name, value in wanted.items():
        if name in tied and name not in given:
            continue
        if name not in given:
            raise ExportError(f"the checkpoint has no weight {prefix}{name}, which {type(module).__name__} needs; fetch or save it again")
        if given[name].shape != value.shape:
            raise ExportError(f"weight {prefix}{name} has shape {list(given[name].shape)}, and config.json asks for {list(value.shape)}; "
                              "take the config.json that was saved with the weights")
    extra = sorted(name for name in set(given) - set(wanted) - used if not name.endswith(IGNORED))
    if extra:
        name = extra[0] if extra[0] in stored else prefix + extra[0]
        raise ExportError(f"the checkpoint has a weight {name} that {type(module).__name__} does not use, so it is another model than config.json says")
    module.load_state_dict({name: parameter(checked(prefix + name, given[name])) for name in wanted if name in given}, assign=True, strict=False)
