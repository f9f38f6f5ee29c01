"""Makes bundles with tiny random weights whose heads are graphs of their own, for tests:

    .venv/bin/python models/testdata/heads/make.py

remakes them (seed 31). The backbones are those of models/testdata/bundles: tiny checkpoints, by assay_export.
golden.jsonl has PyTorch's scores, in float32. mlp-inside is the checkpoint of mlp-packed with its head inside the
graph.
"""

import importlib.metadata
import json
import shutil
import tempfile
from pathlib import Path

import torch
import transformers
from assay_export import export_features, tiny
from assay_export.text import golden
from assay_export.graph import graph
from assay_export.bundle import Options, base_manifest, write_bundle
from assay_export.fixtures import PROCESS, REWARD, VERSIONED, VOCAB
from assay_export.models.gpm import PreferenceHead
from assay_export.models.model import Part, decoder
from assay_export.models.reference import Reference
from assay_export.text.text import TextRules
from assay_export.read.tokenizer import load_tokenizer
from torch import nn

HERE = Path(__file__).parent
SEED, HIDDEN, USER = 31, 32, 4

PAIRS = [
    {"prompt": "What is 12 + 30?", "chosen": "42", "rejected": "It is 41, because 12 + 30 = 41."},
    {"prompt": "Name a colour.", "chosen": "Blue.", "rejected": "Seven."},
    {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "And you?"}],
     "chosen": "Fine, thanks!", "rejected": "No."},
]
ITEMS = [item for item in REWARD if "prompt" in item or item.get("messages", [{}])[-1].get("role") == "assistant"]
USERS = [[0.5, -1.25, 2.0, 0.125], [-1.5, 0.75, 0.0, 1.0]]


class Gated(nn.Module):
    """Values of a row and gates of it; the server multiplies those of two rows."""

    def __init__(self):
        super().__init__()
        self.values = nn.Linear(HIDDEN, 3)
        self.gates = nn.Sequential(nn.Linear(HIDDEN, 12), nn.ReLU(), nn.Linear(12, 3), nn.Softmax(-1))

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.values(hidden), self.gates(hidden)], -1)


class OfUser(nn.Module):
    """A reward of a row and a user's vector: linear in the vector, with directions that the row gives, and a term of
    its own."""

    def __init__(self):
        super().__init__()
        self.plain = nn.Sequential(nn.Linear(HIDDEN, 16), nn.Tanh(), nn.Linear(16, 1))
        self.directions = nn.Linear(HIDDEN, USER)

    def forward(self, hidden: torch.Tensor, user: torch.Tensor) -> torch.Tensor:
        return self.plain(hidden) + (torch.tanh(self.directions(hidden)) * user).sum(-1, keepdim=True)


class Judge(nn.Module):
    """Two readings of five features."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layers(features)


class Rule(nn.Module):
    """A reading that only compares a feature."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.where(features[:, :1] > 0.5, 2.0, -1.0)


class Thresholds(Rule):
    """The same, and a reading that is smooth in another feature beside it."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        rule = super().forward(features)
        return torch.cat([rule, 3 * features[:, 1:] + rule], -1)


def filled(module: nn.Module, spread: float = 0.4) -> nn.Module:
    """Return the module with seeded weights."""
    tiny.fill(module, SEED, spread)
    return module.eval()


class Maker:
    """One tiny body with its tokenizer, and the bundles made of it."""

    def __init__(self, out: Path, scratch: Path):
        tokenizer = tiny.family_tokenizer("qwen3", VOCAB, tiny.sentences(1, 200, 400))
        self.out = out
        self.source = tiny.write_checkpoint(scratch / "tiny-qwen3", "qwen3", "reward", tokenizer=tokenizer, seed=SEED)
        self.template = (self.source / "chat_template.jinja").read_text(encoding="utf-8")
        self.body = transformers.AutoModelForSequenceClassification.from_pretrained(self.source).model.float().eval()

    def make(self, name: str, module: nn.Module, kind: str, items: list[dict], *, layout: str = "packed", labels: list[str] | None = None,
             separate: bool = True, steps: dict | None = None, **fields) -> None:
        """Write a bundle through the exporter."""
        whole = decoder(Part(self.body, module))
        manifest = base_manifest(whole, kind, labels, name=name, description="Tiny random weights, for tests", licence="Apache-2.0",
                                 source={"checkpoint": "tiny-qwen3", "class": type(module).__name__}, steps=steps)
        manifest["tokenizer"] = {"file": "tokenizer.json", "bos": "none", "pad_id": 0}
        manifest["template"] = {"variables": {}}
        manifest |= fields
        write_bundle(whole, self.source / "tokenizer.json", self.out / name, manifest, self.template,
                     Options(layout=layout, golden=items, separate=separate))
        tighten(self.out / name)


    def of_user(self, name: str, shared: bool) -> None:
        """Write a bundle whose head takes a user's vector: one for each row, or one for all."""
        head = filled(OfUser())
        self.make(name, filled(nn.Sequential(nn.Linear(HIDDEN, 1))), "reward", ITEMS)  # the head and its golden pairs are replaced
        out = self.out / name
        rows = torch.export.Dim("rows")
        user, dims = (torch.zeros(USER), None) if shared else (torch.zeros(3, USER), {0: rows})
        traced = graph.trace(head, (torch.zeros(3, HIDDEN), user), ({0: rows}, dims), ["hidden", "user"], ["readings"])
        graph.save(traced, out / "head.onnx", external=False)
        manifest = (out / "assay.yaml").read_text(encoding="utf-8")
        manifest = manifest.replace("output: readings}", "output: readings, user: user}").replace("class: Sequential", "class: OfUser")
        parsed, _ = load_tokenizer(out / "tokenizer.json")
        rules = TextRules(parsed, self.template, {"kind": "reward", "pooling": "last_attended", "tokenizer": {"bos": "none", "pad_id": 0},
                                                  "template": {"variables": {}}, "graph": {"labels": ["reward"]}})
        hidden = Reference(decoder(Part(self.body, nn.Identity())))
        pairs = []
        for number, item in enumerate(ITEMS):
            encoded, rows_read = golden.read(item, item, hidden, rules, 320)
            given = USERS[number % len(USERS)]
            vector = torch.tensor(given)
            with torch.no_grad():
                score = head(rows_read[[encoded.place]], vector if shared else vector[None]).item()
            pairs.append({"item": item | {"user": given}, "ids": encoded.ids, "score": score})
        golden.write_pairs(out / "golden.jsonl", pairs)
        (out / "assay.yaml").write_text(manifest, encoding="utf-8")


def tighten(bundle: Path) -> None:
    """Hold a bundle's golden pairs to 1e-5."""
    file = bundle / "assay.yaml"
    text = file.read_text(encoding="utf-8")
    if "tolerance: 0.0001" not in text:
        raise SystemExit(f"{bundle}: the manifest has no tolerance of 0.0001")
    file.write_text(text.replace("tolerance: 0.0001", "tolerance: 0.00001"), encoding="utf-8")
    print(bundle.name, flush=True)


def make_judge(out: Path) -> None:
    """Write a model that reads features, with a score made of both its readings."""
    names = ["length", "citations", "age_days", "readability", "spam"]
    mean, std = [400.0, 3.0, 90.0, 60.0, 0.1], [250.0, 2.5, 120.0, 15.0, 0.2]
    spread = torch.randn(12, 5, generator=torch.Generator().manual_seed(SEED)).tolist()
    items = [{name: round(m + s * x, 4) for name, m, s, x in zip(names, mean, std, row, strict=True)} for row in spread]
    judge = filled(Judge())
    export_features(judge, out / "judge", name="judge", features=names, mean=mean, std=std, labels=["quality", "honesty"], golden=items,
                    description="Tiny random weights, for tests", licence="Apache-2.0", source={"checkpoint": "tiny-judge"})
    tighten(out / "judge")
    file = out / "judge" / "assay.yaml"
    head = "head: {activation: sigmoid, weights: {quality: 0.75, honesty: 0.25}, mean: 0.5, std: 0.25}\n"
    file.write_text(file.read_text(encoding="utf-8") + head, encoding="utf-8")
    pairs = [json.loads(line) for line in (out / "judge" / "golden.jsonl").read_text(encoding="utf-8").splitlines()]
    gradients = []
    for pair, item in zip(pairs, items, strict=True):
        x = torch.tensor([[item[name] for name in names]], dtype=torch.float64, requires_grad=True)
        both = torch.sigmoid(judge.double()((x - torch.tensor(mean).double()) / torch.tensor(std).double()))
        score = (0.75 * both[0, 0] + 0.25 * both[0, 1] - 0.5) / 0.25
        score.backward()
        pair["score"] = score.item()
        pair["scores"] = {label: value for label, value in zip(["quality", "honesty"], both[0].tolist(), strict=True)}
        gradients.append({"features": item, "gradient": dict(zip(names, x.grad[0].tolist(), strict=True))})
    golden.write_pairs(out / "judge" / "golden.jsonl", pairs)
    golden.write_pairs(out / "judge-gradients.jsonl", gradients)
    for name, module, labels in (("rule", Rule(), ["rule"]), ("thresholds", Thresholds(), ["rule", "sum"])):
        export_features(module, out / name, name=name, features=["compared", "smooth"], labels=labels, licence="Apache-2.0",
                        description="Readings that compare a feature, for tests", source={"checkpoint": "none"})
        tighten(out / name)


def main() -> None:
    """Make every bundle afresh."""
    for folder in (path for path in HERE.iterdir() if path.is_dir() and path.name != "__pycache__"):
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory() as scratch:
        maker = Maker(HERE, Path(scratch))
        mlp = filled(nn.Sequential(nn.Linear(HIDDEN, 24), nn.SiLU(), nn.Linear(24, 1)))
        for name, layout, separate in (("mlp-packed", "packed", True), ("mlp-padded", "padded", True), ("mlp-inside", "packed", False)):
            maker.make(name, mlp, "reward", REWARD, layout=layout, separate=separate, head={"mean": 0.5, "std": 2.0})
        maker.make("steps", filled(nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2))), "process", PROCESS,
                   steps={"separator": "<extra_0>"})
        preference = PreferenceHead(nn.Linear(HIDDEN, 4, bias=False), nn.Linear(HIDDEN, 2, bias=False))
        maker.make("preference", filled(preference), "preference", PAIRS, labels=preference.names, read={"prompt": {"rendered": True}},
                   preference={"embedding": ["v0", "v1", "v2", "v3"], "scale": ["s0", "s1"], "normalize": True, "temperature": 0.5})
        names = [f"{kind}{number}" for kind in "vg" for number in range(3)]
        maker.make("gated", filled(Gated()), "reward", ITEMS, labels=names, read={"prompt": {"rendered": True}},
                   head={"gates": {"values": names[:3], "gates": names[3:]}})
        maker.of_user("user-rows", shared=False)
        maker.of_user("user-shared", shared=True)
    make_judge(HERE)
    versions = [f"{name} {importlib.metadata.version(name)}" for name in VERSIONED]
    (HERE / "README.txt").write_text(
        "Bundles with tiny random weights whose heads are graphs of their own, for tests. Made by: .venv/bin/python models/testdata/heads/make.py\n"
        f"Seed {SEED}; made with {', '.join(versions)}. judge-gradients.jsonl has PyTorch's gradients, in float64, of judge's golden items.\n",
        encoding="utf-8")


if __name__ == "__main__":
    main()
