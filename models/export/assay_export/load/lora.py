"""LoRA adapters: an adapter's directory and its base model's, merged into a checkpoint as transformers would save it.

Source of the format and of the sums: peft (`tuners/lora`), to which tests hold the merged weights. An adapter is taken
whole or not at all: a field of adapter_config.json that changes what is computed and is not known here ends the export.
"""

import json
import math
import re
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from ..errors import ExportError
from ..read.files import check_directory, read_json, read_weights, weight_files
from ..read.foreign import pickled
from .checkpoint import TEXT_FILES, read_config

CONFIG, WEIGHTS, PICKLED = "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"

KNOWN = ("alpha_pattern", "base_model_name_or_path", "bias", "fan_in_fan_out", "lora_alpha", "modules_to_save", "peft_type", "r", "rank_pattern",
         "task_type", "use_rslora", "init_lora_weights")
"""Fields that are read here."""

HARMLESS = ("auto_mapping", "revision", "inference_mode", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern",
            "lora_dropout", "loftq_config", "eva_config", "corda_config", "lora_ga_config", "megatron_core", "peft_version", "runtime_config",
            "ensure_weight_tying", "qalora_group_size", "arrow_config")
"""Fields that say how the adapter was trained, or where its weights lie, which their names say too."""

MOVED = ("pissa", "olora", "corda", "lora_ga")
"""Ways to begin that change the base model's weights, so that the adapter does not fit the base as it was published."""

CLASSES = {"SEQ_CLS": "ForSequenceClassification", "TOKEN_CLS": "ForTokenClassification", "CAUSAL_LM": "ForCausalLM"}
HEADS = {"ForSequenceClassification": ("score.", "classifier."), "ForTokenClassification": ("score.", "classifier.")}

OLDER = {"model.language_model.": "language_model.model."}
"""How the names of the text's weights begin in a model of text and images, and how they did when published ones came
out."""

PART = re.compile(r"(?P<module>.+)\.(?P<part>lora_[A-Z]|lora_embedding_[AB]|lora_magnitude_vector)(?:\.default)?(?:\.(?:weight|bias))?$")


def is_adapter(directory: Path) -> bool:
    """Tell whether a directory holds an adapter and no model."""
    return (directory / CONFIG).exists() and not (directory / "config.json").exists()


def merge(adapter: Path, base: Path | None, into: Path) -> list[str]:
    """Write an adapter and its base model into a new directory as one checkpoint; return notices.

    base is the base model's directory; None: the one that the adapter names. What is merged is summed and stored in
    float32, all other weights as the base has them. ExportError names the field or the weight that stands in the way.
    """
    config = read_json(adapter / CONFIG)
    check(config, adapter / CONFIG)
    base = base or named_base(config, adapter)
    check_directory(base)
    raw, class_name = read_config(base)
    class_name = class_of(config, class_name, adapter, base)
    pairs, whole = sorted_out(read_weights([weights_of(adapter)]), adapter)
    into.mkdir(parents=True)
    written = write_weights(base, into, pairs, whole, config, raw, adapter)
    edit = raw | {"architectures": [class_name]}
    head = HEADS.get(CLASSES[config["task_type"]])
    if head is not None:
        width = next((rows for name, rows in written.items() if name.startswith(head) and name.endswith("weight")), None)
        if width is None:
            raise ExportError(f"{adapter / CONFIG}: modules_to_save names no head ({' or '.join(head).replace('.', '')}), and the base model has "
                              "none, so the weights that give the score were never saved")
        if len(raw.get("id2label") or []) != width:
            edit |= {"id2label": {str(i): f"LABEL_{i}" for i in range(width)}, "label2id": {f"LABEL_{i}": i for i in range(width)}}
            edit.pop("num_labels", None)
    (into / "config.json").write_text(json.dumps(edit, indent=2), encoding="utf-8")
    text = adapter if (adapter / "tokenizer.json").exists() else base
    for name in TEXT_FILES:
        if (text / name).exists():
            shutil.copyfile(text / name, into / name)
    for card in (adapter / "README.md", base / "README.md"):
        if card.exists():
            shutil.copyfile(card, into / "README.md")
            break
    return [f"{adapter} is a LoRA adapter: {len(pairs)} weights of {base} are merged with it in float32, as a {class_name}, and its "
            f"tokenizer is that of {text}"]


def check(config: dict, path: Path) -> None:
    """Refuse an adapter whose sums are others than LoRA's, or that adapts what is not known here."""
    if config.get("peft_type") != "LORA":
        raise ExportError(f"{path}: peft_type is {json.dumps(config.get('peft_type'))}, and only LORA is merged; merge_and_unload() of peft and "
                          "save_pretrained() make a checkpoint of any")
    if not isinstance(config.get("task_type"), str) or config["task_type"] not in CLASSES:
        raise ExportError(f"{path}: task_type is {json.dumps(config.get('task_type'))}, so the kind of head is unknown; it must be one of "
                          f"{', '.join(CLASSES)}")
    if config.get("bias", "none") != "none":
        raise ExportError(f"{path}: bias is {json.dumps(config['bias'])}: adapters that train biases are not merged")
    for name, least in (("r", 1), ("lora_alpha", -math.inf)):
        for value in (config.get(name), *numbers(config, "rank_pattern" if name == "r" else "alpha_pattern", path)):
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value:
                raise ExportError(f"{path}: {name} is {json.dumps(value)[:40]}, and must be a number{' of 1 or more' if name == 'r' else ''}")
    begun = config.get("init_lora_weights")
    if isinstance(begun, str) and begun.lower().startswith(MOVED):
        raise ExportError(f"{path}: init_lora_weights is {begun!r}, which changes the base model's weights before it is trained, so this adapter "
                          "does not fit the base as it is; save it with path_initial_model_for_weight_conversion of peft")
    for name, value in config.items():
        if name not in KNOWN and name not in HARMLESS and value not in (None, False, [], {}):
            raise ExportError(f"{path}: {name} is {json.dumps(value)[:60]}, and how that changes the sums is not known here; merge_and_unload() of "
                              "peft and save_pretrained() make a checkpoint without it")


def numbers(config: dict, name: str, path: Path) -> list:
    """Return the values of a field whose keys are patterns of modules' names."""
    known = config.get(name) or {}
    if not isinstance(known, dict):
        raise ExportError(f"{path}: {name} is {json.dumps(known)[:40]}, and must be an object")
    for key in known:
        try:
            re.compile(key)
        except re.error as error:
            raise ExportError(f"{path}: {name} has the key {key!r}, which is no pattern: {error}") from None
    return list(known.values())


def named_base(config: dict, adapter: Path) -> Path:
    """Return the directory that base_model_name_or_path names."""
    name = config.get("base_model_name_or_path")
    for place in (Path(str(name)), adapter / str(name)):
        if isinstance(name, str) and name and (place / "config.json").is_file():
            return place
    raise ExportError(f"{adapter / CONFIG}: base_model_name_or_path is {json.dumps(name)}, and no directory of a model; give --base DIR")


def weights_of(adapter: Path) -> Path:
    """Return the file with the adapter's weights."""
    if (adapter / WEIGHTS).exists():
        return adapter / WEIGHTS
    if (adapter / PICKLED).exists():
        raise ExportError(f"{adapter / PICKLED} {pickled(PICKLED, WEIGHTS)}")
    raise ExportError(f"{adapter / WEIGHTS} is missing")


def sorted_out(given: dict[str, torch.Tensor], adapter: Path) -> tuple[dict[str, dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
    """Return the adapter's factors by the module that they adapt, and the weights that it holds whole."""
    pairs: dict[str, dict[str, torch.Tensor]] = {}
    whole = {}
    for key, value in given.items():
        name = key.removeprefix("base_model.model.")
        found = PART.match(name)
        if found is None:
            whole[name.replace(".modules_to_save.default", "").replace(".base_layer", "").replace(".original_module", "")] = value
        elif found["part"] in ("lora_A", "lora_B", "lora_embedding_A", "lora_embedding_B") and not name.endswith("bias"):
            pairs.setdefault(found["module"], {})[found["part"][-1] + ("e" if "embedding" in found["part"] else "")] = value
        else:
            raise ExportError(f"{weights_of(adapter)}: {key} is no factor of a plain LoRA adapter; merge_and_unload() of peft and "
                              "save_pretrained() make a checkpoint without it")
    for module, factors in pairs.items():
        if set(factors) not in ({"A", "B"}, {"Ae", "Be"}):
            raise ExportError(f"{weights_of(adapter)}: {module} has one factor of two")
    return pairs, whole


def write_weights(base: Path, into: Path, pairs: dict[str, dict[str, torch.Tensor]], whole: dict[str, torch.Tensor], config: dict, raw: dict,
                  adapter: Path) -> dict[str, int]:
    """Write the base model's weights, file by file, with the adapter's; return how many rows each weight has."""
    places: dict[str, str] = {}
    rows: dict[str, int] = {}
    files = weight_files(base)
    names = list(read_weights(files))
    wanted = {target_of(module + ".weight", names, adapter): module for module in pairs}
    replaced = {name if is_head(name, config) else target_of(name, names, adapter): value for name, value in whole.items()}
    total = len(files) + 1
    for number, file in enumerate(files, 1):
        out = f"model-{number:05}-of-{total:05}.safetensors"
        tensors = {}
        for name, value in read_weights([file]).items():
            value = replaced.pop(name, value)  # an embedding may be held whole and be adapted
            if name in wanted:
                value = value.float() + delta(wanted[name], pairs[wanted[name]], value, config, raw, adapter)
            tensors[name] = value
        save(tensors, into / out, places, rows)
    save(replaced, into / f"model-{total:05}-of-{total:05}.safetensors", places, rows)
    (into / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}), encoding="utf-8")
    return rows


def save(tensors: dict[str, torch.Tensor], path: Path, places: dict[str, str], rows: dict[str, int]) -> None:
    """Write a file of weights, if there are any, and note where each lies."""
    if tensors:
        try:
            save_file({name: value.contiguous() for name, value in tensors.items()}, path, metadata={"format": "pt"})
        except (OSError, SafetensorError) as error:
            raise ExportError(f"the merged weights cannot be written beside the bundle: {error}") from None
    for name, value in tensors.items():
        places[name], rows[name] = path.name, value.shape[0] if value.ndim else 1


def is_head(name: str, config: dict) -> bool:
    """Tell whether a weight is of the task's head, which a base model may lack."""
    return name.startswith(HEADS.get(CLASSES[config["task_type"]], ()))


def target_of(name: str, names: list[str], adapter: Path) -> str:
    """Return the base model's weight of a name, which its file may have without the first part, or as older versions of
    transformers named it."""
    older = (old + name.removeprefix(new) for new, old in OLDER.items() if name.startswith(new))
    for known in (name, name.partition(".")[2], *older):
        if known in names:
            return known
    raise ExportError(f"{weights_of(adapter)}: it adapts {name}, and the base model has no such weight")


def delta(module: str, factors: dict[str, torch.Tensor], weight: torch.Tensor, config: dict, raw: dict, adapter: Path) -> torch.Tensor:
    """Return what an adapter adds to a weight, in float32: B·A times its scale."""
    embedding = "Ae" in factors
    a, b = (factors[key].float() for key in (("Ae", "Be") if embedding else ("A", "B")))
    rank, alpha = setting(module, config, "r", "rank_pattern"), setting(module, config, "lora_alpha", "alpha_pattern")
    if a.ndim != 2 or b.ndim != 2 or a.shape[0] != rank or b.shape[1] != rank:
        raise ExportError(f"{weights_of(adapter)}: the factors of {module} are {list(a.shape)} and {list(b.shape)}, and r is {rank} in {CONFIG}")
    product = b @ a * (alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))
    if embedding or config.get("fan_in_fan_out") or raw.get("model_type") == "gpt2":
        product = product.T
    if product.shape != weight.shape:
        raise ExportError(f"{weights_of(adapter)}: {module} is adapted as {list(product.shape)}, and the base model's weight is {list(weight.shape)}")
    return product


def setting(module: str, config: dict, name: str, patterns: str) -> float:
    """Return a module's own setting, by the first pattern that its name matches, as peft finds it, or that of all."""
    return next((value for key, value in (config.get(patterns) or {}).items() if re.match(rf"(.*\.)?({key})$", module)), config[name])


def class_of(config: dict, class_name: str, adapter: Path, base: Path) -> str:
    """Return the class of the merged model: the base model's, with the head of the adapter's task."""
    ending = CLASSES[config["task_type"]]
    if class_name.endswith(ending) or ending == "ForCausalLM":
        return class_name
    stem = re.match(r"(\w+?)(For\w+|LMHeadModel|Model)$", class_name)
    if stem is None:
        raise ExportError(f"{base / 'config.json'}: architectures names {class_name}, to which {adapter / CONFIG} puts a head of task "
                          f"{config['task_type']}, and what that is called is not known")
    return stem[1] + ending
