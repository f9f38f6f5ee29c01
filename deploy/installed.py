#!/usr/bin/env python3
"""Holds what deploy/dist.sh made to what it promises: each archive is unpacked, each Debian package installed in a root of its own, and the
program in it, with nothing of this machine's settings, must find its library there and give a score as PyTorch gave it.

    installed.py FOLDER [OTHER]    with OTHER, of the same commit, the files of both must be the same bytes

What is for arm64 runs under qemu-aarch64-static, which is Debian's qemu-user-static, and is installed where it is missing.
"""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
QEMU = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"]
TOLERANCE = 1e-4


def run(*command, **options):
    """Return what a command writes; it must succeed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"installed: {' '.join(map(str, command))} ends with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def check(name, right, said=""):
    """End where something is not as it should be."""
    if not right:
        sys.exit(f"installed: {name}: {said}")
    print(f"ok    {name}", flush=True)


def unpacked(file, folder):
    """Return where the files of an archive lie, as under /usr; its sums must be right, and name every file but themselves."""
    run("tar", "-xzf", file, "-C", folder)
    (top,) = folder.iterdir()
    run("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS", cwd=top)
    files = {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()} - {"SHA256SUMS"}
    check(f"{file.name}: sums of {len(files)} files", {line.split("  ", 1)[1] for line in (top / "SHA256SUMS").read_text().splitlines()} == files)
    return top


def installed(file, folder):
    """Install a Debian package in a root of its own, and return its /usr. The unit must be one that systemd understands."""
    for part in ("updates", "info"):
        (folder / "var/lib/dpkg" / part).mkdir(parents=True)
    (folder / "var/lib/dpkg/status").touch()
    run("dpkg", f"--root={folder}", "--force-depends", "--force-architecture", "--install", file)
    listed = run("dpkg-query", f"--admindir={folder}/var/lib/dpkg", "--show", "--showformat=${Status}", "assay")
    check(f"{file.name}: dpkg installs it", listed == "install ok installed", listed)
    (folder / "etc/systemd/system").mkdir(parents=True)
    for target in ("multi-user", "network-online", "sysinit", "basic", "shutdown", "sockets"):
        (folder / f"etc/systemd/system/{target}.target").write_text("[Unit]\n")
    (folder / "bin").mkdir(exist_ok=True)
    shutil.copy("/bin/kill", folder / "bin/kill")  # Debian's procps, which the unit's reload asks for
    if shutil.which("systemd-analyze"):
        command = ["systemd-analyze", "verify", "--man=no", f"--root={folder}", "assay.service", "assay.socket"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        said = [line for line in done.stderr.splitlines() if "assay." in line]
        check(f"{file.name}: systemd understands the units", not done.returncode and not said, done.stderr)
    return folder / "usr"


def scores(name, usr, emulator):
    """Check that the program finds its library and scores golden pairs of the embedded model; return the scores.

    Emulated, a load would take longer than it may: there the pairs are those of a small bundle.
    """
    program = [*emulator, usr / "bin/assay"]
    plain = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    library = str(usr / "lib/assay/libonnxruntime.so.1.27.0")
    check(f"{name}: doctor", library in run(*program, "doctor", env=plain, cwd="/"))
    bundle = ROOT / ("models/testdata/bundles/qwen3-reward-packed" if emulator else "models/builtin/arith-rm")
    golden = [json.loads(line) for line in (bundle / "golden.jsonl").read_text().splitlines()][:3]
    lines = "".join(json.dumps(pair["item"]) + "\n" for pair in golden)
    told = run(*program, "score", "--json", "--bundle", bundle, "--batch-tokens", "1024", "-", input=lines, env=plain, cwd="/")
    got = [json.loads(line)["score"] for line in told.splitlines()]
    off = max(abs(score - pair["score"]) for score, pair in zip(got, golden, strict=True))
    check(f"{name}: {len(got)} scores within {off:.1e} of PyTorch's", off < TOLERANCE)
    return got


def described(name, usr):
    """Check that the manual page and the completions are there, and the licences of all that is inside."""
    check(f"{name}: the manual", ".TH ASSAY 1" in run("zcat", usr / "share/man/man1/assay.1.gz"))
    run("bash", "-euc", 'source "$1"; complete -p assay', "bash", usr / "share/bash-completion/completions/assay")
    licences = usr / "share/doc/assay/licenses"
    for part in ("assay/LICENSE", "go/LICENSE", "modules", "crates", "onnxruntime-1.27.0/LICENSE"):
        check(f"{name}: licences of {part.split('/')[0]}", (licences / part).exists())


def main():
    folder = pathlib.Path(sys.argv[1])
    run("sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS", cwd=folder)
    if len(sys.argv) > 2:
        both = [{file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in pathlib.Path(of).iterdir()} for of in sys.argv[1:3]]
        check(f"{len(both[0])} files are the same bytes in both folders", both[0] == both[1], both)
    files = sorted([*folder.glob("*.tar.gz"), *folder.glob("*.deb")])
    check(f"{len(files)} packages", len(files) >= 2)
    for file in files:
        emulator = QEMU if "arm64" in file.name else []
        if emulator and not shutil.which(QEMU[0]):
            run("apt-get", "install", "-y", "-qq", "qemu-user-static")
        with tempfile.TemporaryDirectory() as work:
            usr = (unpacked if file.suffix == ".gz" else installed)(file, pathlib.Path(work))
            described(file.name, usr)
            scores(file.name, usr, emulator)


if __name__ == "__main__":
    main()
