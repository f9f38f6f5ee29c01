"""The page of supported models, docs/MODELS.md, from the families' files and a parity run."""

from assay_export.read.family import CROSS_ENCODER, EMBEDDER, OWN, Family, families

from .run import Result

KINDS = {
    "reward": ("Reward models and rerankers", "a score for each item"),
    "process": ("Process reward models", "a score for each step"),
    "pair": ("Pair models", "read two responses at once"),
    "preference": ("Preference models", "an embedding for each response, compared two by two"),
    "embedding": ("Embedding models", "a vector for each text, and how near a response is to its prompt"),
    "choice": ("Judges without generation", "which of a request's candidates follows the prompt"),
}

INTRODUCTION = """# Models

Written by `python -m parity --docs` (in models/export); do not edit by hand.

## Is my model covered, and by which command

1. Look for its name under "Checkpoints by name": the command stands beside it.
2. It is not there? What decides is the class that its config.json names in `architectures`. Look for that under "Checkpoints by class": what
   is said there goes for every checkpoint of the class, whoever trained it. Of an adapter (`adapter_config.json`) it is the base model's kind
   with the head of its `task_type`; give `--base DIR` where the adapter does not name a directory.
3. Neither? "Not covered, and why", at the end, may tell. `assay-export` refuses what it cannot read exactly, with one sentence, and writes
   nothing; try it.

The export itself then holds your checkpoint, with its own weights, to PyTorch, and where the class is transformers' own to what transformers
alone makes of the directory. What this page adds is that the way from text to score is the authors': for each family, tiny checkpoints with
random weights, of the authors' class and weight names, are exported, and the Go server's ids and scores are held to those of the code named
beside it, or of a restatement of it. **The released weights themselves were not run.**
"""

FAMILIES = """## Families

Each family below is one file in `models/export/assay_export/read/families`, named with `--family NAME`; one marked with * is chosen from config.json's
class alone, and one of cross-encoders where sentence-transformers' files say that it is one. The last column is the largest difference of a score
in the parity run, in float32; the bound is 1e-4.
"""

PLACES = "`SFT`, `BASE`: the directory of the model that the authors trained from, which their card names."


NOT_COVERED = """## Not covered, and why

| model | why |
|---|---|
| the places that EurusPRM's released code reads | one or two tokens into the next step, so that a later step would change an earlier score; `eurus-prm` reads the steps' own ends |
| OpenAssistant RM Pythia with `pooling: mean` | the mean over tokens needs every row; refused |
| PairRM candidates beyond 409 tokens | the authors let them grow into what a short prompt leaves; refused, never cut |
| RewardBench's DPO `norm` | the length of the vector of log-probabilities; sum and mean are |
| SteamSHP, monoT5, duoT5 | encoder-decoders (T5) |
| Nemotron-4-340B-Reward's body, .nemo files | the architecture is not in transformers' safetensors form; the head and its weights are (`nemotron-340b-reward`) |
| bge-reranker-v2-minicpm-layerwise, v2.5-gemma2-lightweight | read at an earlier layer, with remote code |
| jina-reranker-v2, bge-m3 sparse and multi-vector embeddings | remote code; several vectors of a text |
| jina-reranker-v3 | listwise: one sequence has all documents, and the score of each hangs on the others |
| sentence-transformers' sparse and multi-vector encoders; StaticEmbedding, Router, Pooling by max, by weights or of several kinds at once; MPNet and T5 bodies; Euclidean similarity | not read; refused by name |
| CrossEncoders with a prompt before the query, but for those with LogitScore; images | they change what is read, and are refused |
| Babelscape/Llama-3.1-8B-PRM800k-r, Llama-3.1-8B-PRM800k-PDDL-r | a class and a head of their own, whose code lies in the checkpoint; refused by the name of the class. Babelscape/Qwen2.5-Math-PRM-7B-PDDL-r is read (`qwen-prm`) |
| PickScore, HPSv2, ImageReward, LLaVA and VILA models | images |
| GenRM, critique and judge models that write first | they must generate text; where the verdict is the next token, `choice` reads it |
| Falcon with ALiBi (RW), Bloom, MPT | a bias for each distance is added to the logits, which is not computed; refused by name. Other Falcons are read |
| Jamba, Mamba, Falcon H1, Kimi Linear, RWKV | their layers keep a state by another rule than Qwen 3.5's and Qwen3-Next's; refused by name |
| `choice` of Qwen 3.5 and Qwen3-Next | a prompt is read once for all candidates, and their padded graphs share nothing; refused |
| `--int8` of bodies with experts (Mixtral, Qwen2- and Qwen3-MoE, Qwen3-Next, Phi-3.5-MoE, gpt-oss, DeepSeek) | float32, float16 and bfloat16 are stored; refused |
| images of Gemma 3 and Qwen 3.5 | the text's part is read, and takes text alone |
| quantized checkpoints (GPTQ, AWQ, bitsandbytes, FP8), but gpt-oss in MXFP4 | the weights that the authors scored with are the unquantized ones; export those |
| adapters other than plain LoRA (DoRA, IA3, PiSSA as it is trained, trained biases) | their sums are others; `merge_and_unload()` of peft makes a checkpoint of them |
| pickled weights (.bin, .pt) | loading them can run code; save them as safetensors first |
"""


def models_page(results: list[Result]) -> str:
    """Return the page's text: checkpoints by name, classes, then one table of families by kind with notes below it."""
    by_family: dict[str, list[Result]] = {}
    for result in results:
        by_family.setdefault(result.family, []).append(result)
    parts = [INTRODUCTION, by_name(), by_class(), FAMILIES]
    for kind, (title, meaning) in KINDS.items():
        own = [family for family in families().values() if family.kind == kind]
        if own:
            parts += [f"### {title}: {meaning}\n", table(own, by_family), "".join(note(family) for family in own)]
    return "\n".join([*parts, NOT_COVERED])


def by_name() -> str:
    """Return the table of published checkpoints: the command of each, and what its family was held to."""
    lines = ["## Checkpoints by name\n", "| checkpoint | `assay-export DIR OUT` and | family | checked against |", "|---|---|---|---|"]
    rows = {name: (command, family) for family in families().values() for name, command in family.commands.items()}
    for name, (command, family) in sorted(rows.items(), key=lambda row: row[0].lower()):
        lines.append(f"| {name} | {f'`{command}`' if command else 'nothing more'} | `{family.name}` | {against(family)} |")
    return "\n".join([*lines, "", PLACES, ""])


def against(family: Family) -> str:
    """Return whose code a family's ids and scores were held to."""
    if "transformers" in family.source:
        return family.source
    return f"a restatement of {family.source}" if family.class_of == "authors" else f"transformers' own class, text and places after {family.source}"


def by_class() -> str:
    """Return the table of classes: the families that read each, the one that needs no name first; classes of one answer
    share a row."""
    readers: dict[str, list[Family]] = {}
    for family in families().values():
        for name in family.classes:
            readers.setdefault(name, []).append(family)
    rows: dict[tuple[str, ...], list[str]] = {}
    for name, own in sorted(readers.items()):
        alone = [one for one in own if one.kind != "embedding"]
        chosen = [one for one in alone if one.default is True] or (alone if len(alone) == 1 else [])
        rows.setdefault(tuple(entry(one, one in chosen) for one in sorted(own, key=lambda one: one not in chosen)), []).append(name)
    lines = ["## Checkpoints by class\n", "| class | `assay-export DIR OUT` and |", "|---|---|"]
    for reading, names in sorted(rows.items(), key=lambda row: row[1]):
        lines.append(f"| {', '.join(names)} | {'; '.join(reading)} |")
    return "\n".join(lines) + "\n"


def entry(family: Family, chosen: bool) -> str:
    """Return what is added to the command for a class that a family reads, and what the family takes its checkpoint
    for."""
    said = f" ({family.reads or family.title})"
    if chosen:
        return f"nothing more: `{family.name}`{said}"
    own = {CROSS_ENCODER: ", or nothing for a CrossEncoder of sentence-transformers",
           EMBEDDER: ", or nothing for a SentenceTransformer"}.get(str(family.default), "")
    return f"`--family {family.name}`{own}{said}"


def table(own: list[Family], by_family: dict[str, list[Result]]) -> str:
    """Return the table of one kind."""
    lines = ["| family | models | classes run | text | read at | head | layouts | difference |", "|---|---|---|---|---|---|---|---|"]
    for family in own:
        runs = by_family.get(family.name, [])
        classes = ", ".join(sorted({run.class_name for run in runs})) or "none"
        layouts = ", ".join(dict.fromkeys(run.layout for run in runs)) or "none"
        worst = f"{max(run.worst for run in runs):.0e}" if runs else "not run"
        lines.append(f"| `{family.name}`{' *' if family.default is True else ''} | {family.title} | {classes} | {text_of(family)} | {pooling_of(family)} "
                     f"| {head_of(family)} | {layouts} | {worst} |")
    return "\n".join(lines) + "\n"


def text_of(family: Family) -> str:
    """Return in a few words where the text's form comes from."""
    if family.kind == "embedding":
        return "one text; the tokenizer's own tokens around it"
    if family.framed:
        return "the checkpoint's template, else the response; the tokenizer's own tokens around it"
    if family.segments:
        return "the tokenizer's own for two texts" if family.segments == OWN else "segments"
    named = f", with {' and '.join(f'`{name}`' for name in family.fields)}" if family.fields else ""
    return ("the family's template" if family.template else "the checkpoint's template") + named


def pooling_of(family: Family) -> str:
    """Return the rule that says which rows are read."""
    if family.manifest.get("likelihood"):
        return "the response"
    rule = family.manifest.get("pooling", "at_token" if family.kind == "process" else "last_attended")
    return "last_not_pad, or last_attended where there is no pad" if rule == "transformers" else rule


def head_of(family: Family) -> str:
    """Return the head's form in a few words."""
    head = {key: value for key, value in family.head.items() if value is not None and key not in ("bias", "transform")}
    form = head.pop("form")
    return f"{form} ({', '.join(plain(value) for value in head.values())})".replace("|", "\\|") if head else form


def plain(value) -> str:
    """Return a value of a family's head in plain words."""
    if isinstance(value, list):
        return " or ".join(f"`{entry}`" if isinstance(entry, str) else str(entry) for entry in value)
    if isinstance(value, dict):
        if "config" in value:
            return f"config.json's {value['config']}"
        if "first" in value:
            return " and ".join(f"`{text}`" for text in value["first"]) + ", by their first ids"
        return " and ".join(f"`{token}`" for token in value["tokens"])
    return str(value)


def note(family: Family) -> str:
    """Return what is particular about a family, with its source."""
    return f"- `{family.name}`: {' '.join(family.notes.split())} Follows {family.source}.\n"
