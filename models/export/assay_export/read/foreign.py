"""What a directory holds that is no checkpoint of transformers with safetensors, and what makes one of it."""

from pathlib import Path

TRAINERS = ("training_args.bin", "optimizer.bin", "optimizer.pt", "scheduler.pt", "scheduler.bin", "scaler.pt", "rng_state*.pth", "random_states*")
"""Pickles that a trainer leaves beside the weights."""

CONVERT = ("python -c \"import glob, torch, safetensors.torch as s; s.save_file({%sk: v.contiguous().clone() for f in glob.glob('%s') "
           "for k, v in torch.load(f, map_location='cpu', weights_only=True).items()}, '%s', metadata={'format': 'pt'})\"")
"""What turns pickled weights into safetensors, in their directory, without running what a pickle may ask for."""

HEADS = {"value_head.safetensors": ("value_head.bin", ""), "reward_head.safetensors": ("reward_head.pt", "'reward_head.' + ")}
"""Pickles in which heads are published, by the file that is made of them, and what goes before their weights' names."""


def pickled(name: str, made: str, before: str = "") -> str:
    """Return the end of a sentence on a pickle: with what command a safetensors file is made of it. before goes before
    its weights' names, as Python."""
    return f"is pickled, which can run code; convert it, in its folder: {CONVERT % (before, name, made)}"


def first(directory: Path, *patterns: str) -> str | None:
    """Return the first path in a directory that one of the patterns fits, from the directory on."""
    return next((str(path.relative_to(directory)) for pattern in patterns for path in sorted(directory.glob(pattern))), None)


def why_no_config(directory: Path) -> str:
    """Return a sentence on a directory without config.json."""
    for patterns, what in (
            (("assay.yaml",), "is a bundle already ({}); give the checkpoint that it was made from"),
            (("model_index.json",), "is a pipeline of diffusers ({}), which gives no scores of text"),
            (("snapshots/*/config.json",), "is a folder of the hub's cache; give the snapshot in it, the folder of {}"),
            (("adapter_model.*",), "holds the weights of an adapter ({}) and no adapter_config.json, which says what they adapt"),
            (("*.gguf",), "holds weights for llama.cpp ({}), which are rounded as a rule; give the checkpoint of transformers that they were made from"),
            (("*.nemo",), "holds an archive of NeMo ({}); NeMo's own export to Hugging Face makes a checkpoint of it"),
            (("params.json", "consolidated*"), "holds weights in the layout of their authors ({}); take the checkpoint of transformers, "
                                               "or transformers' script for this model, convert_…_to_hf.py"),
            (("*/config.json",), "has no config.json, and {} is there: give that folder"),
            (("saved_model.pb", "*.h5", "*.msgpack"), "holds weights of TensorFlow or Flax ({}) and no config.json"),
            (("*.safetensors", "*.bin", "*.pt", "*.pth"), "has weights ({}) and no config.json, which transformers' save_pretrained writes beside them")):
        found = first(directory, *patterns)
        if found:
            return f"{directory} {what.format(found)}"
    return f"{directory / 'config.json'} is missing"


def why_no_head(directory: Path, name: str) -> str | None:
    """Return a sentence on a head that is pickled and wanted in a file of that name beside the weights; None where no
    pickle is there."""
    pickle, before = HEADS[name]
    return f"{directory / pickle} {pickled(pickle, name, before)}" if (directory / pickle).exists() else None


def why_no_weights(directory: Path) -> str:
    """Return a sentence on a directory without model.safetensors and its index."""
    left = {path for pattern in TRAINERS for path in directory.glob(pattern)}
    pickles = [path.name for pattern in ("pytorch_model*.bin", "*.bin", "*.pt", "*.pth", "*.ckpt") for path in sorted(directory.glob(pattern))
               if path not in left]
    if pickles:
        several = "pytorch_model-*.bin" if pickles[0].startswith("pytorch_model-") else pickles[0]
        return f"{directory / pickles[0]} {pickled(several, 'model.safetensors')}"
    for patterns, what in (
            (("model-*-of-*.safetensors",), "has {} and no model.safetensors.index.json, which says what lies in which file"),
            (("*.safetensors",), "has {}, and weights are read from model.safetensors alone; if these are the model's, rename the file"),
            (("*.gguf",), "has weights for llama.cpp alone ({}), which are rounded as a rule; take those of transformers"),
            (("tf_model*.h5", "*.h5", "flax_model*.msgpack", "*.msgpack"), "has weights of TensorFlow or Flax alone ({}); transformers before 5 reads "
             "them, with from_tf=True or from_flax=True, and save_pretrained writes safetensors"),
            (("zero_to_fp32.py", "global_step*"), "has weights in DeepSpeed's parts alone ({}); in that folder, "
             "python zero_to_fp32.py . . --safe_serialization puts them together"),
            (("*fsdp*", "*.distcp"), "has weights in FSDP's parts alone ({0}); accelerate merge-weights {0} . puts them together, in that folder"),
            (("*.onnx", "onnx/*.onnx"), "has a graph ({}) and no weights; a graph made elsewhere is served with a manifest written for it")):
        found = first(directory, *patterns)
        if found:
            return f"{directory} {what.format(found)}"
    return f"{directory / 'model.safetensors'} is missing, and so is model.safetensors.index.json"
