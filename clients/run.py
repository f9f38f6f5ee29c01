"""Runs real clients, unmodified, against the real server, and prints client × call × passed.

Each file of clients/real is a client: NAME.py with the packages that it needs, pinned, in NAME.txt, or NAME.mjs with
those of npm. It gets the server's address, prints a line "client | call | ok" for each call, and fails where a number is
not the native one. Its environment is made once under .clients and made anew when its pins change.

    python clients/run.py [--binary bin/assay] [NAME …]
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
REAL = ROOT / "clients" / "real"
HOMES = ROOT / ".clients"
LONGEST = 1200  # seconds of one client, and of its installation


def home(client: pathlib.Path) -> pathlib.Path:
    """The folder of a client's environment, which has what its pins name."""
    pins = client.with_suffix(".txt")
    made = HOMES / client.stem
    stamp = hashlib.sha256(pins.read_bytes() + sys.version.encode()).hexdigest()
    if (made / "stamp").is_file() and (made / "stamp").read_text() == stamp:
        return made
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    if client.suffix == ".mjs":
        install(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(made), *pins.read_text().split()])
    else:
        install([sys.executable, "-m", "venv", str(made)])
        install([str(made / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(pins)])
    (made / "stamp").write_text(stamp)
    return made


def install(command: list[str]) -> None:
    done = subprocess.run(command, timeout=LONGEST, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])} …: {(done.stderr or done.stdout).strip()[-500:]}")


def run(client: pathlib.Path, address: str) -> list[tuple[str, str, str]]:
    """The rows of a client: its name, a call, and ok or why not."""
    try:
        made = home(client)
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NODE_PATH": str(made / "node_modules"), "PYTHONDONTWRITEBYTECODE": "1"}
        script = client
        if client.suffix == ".mjs":  # node looks for packages beside the script
            script = shutil.copy(client, made / client.name)
        command = ["node", str(script)] if client.suffix == ".mjs" else [str(made / "bin" / "python"), str(script)]
        done = subprocess.run([*command, address], timeout=LONGEST, capture_output=True, text=True, env=environment)
    except (RuntimeError, subprocess.TimeoutExpired, OSError) as error:
        return [(client.stem, "", f"FAILED: {str(error)[:300]}")]
    rows = []
    for line in done.stdout.splitlines():
        if (parts := [part.strip() for part in line.split("|")]) and len(parts) == 3:
            rows.append((parts[0], parts[1], parts[2]))
    if done.returncode or not rows:
        last = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
        rows.append((client.stem, "", f"FAILED: {last[:300]}"))
    return rows


def serve(binary: pathlib.Path) -> tuple[subprocess.Popen[str], str]:
    server = subprocess.Popen([str(binary), "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT)
    assert server.stdout is not None
    line = server.stdout.readline()
    found = re.search(r"ready on (http://\S+)", line)
    if not found:
        server.terminate()
        raise SystemExit(f"the server did not start: {line!r}")
    return server, found[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "bin" / "assay")
    parser.add_argument("names", nargs="*", help="only these clients")
    options = parser.parse_args()
    clients = sorted(p for p in REAL.iterdir() if p.suffix in (".py", ".mjs") and (not options.names or p.stem in options.names))
    if not clients:
        raise SystemExit(f"{REAL} has none of {options.names}")
    began = time.monotonic()
    server, address = serve(options.binary)
    failed = calls = 0
    try:
        print(f"{'client':<36} {'call':<64} passed")
        for client in clients:
            for name, call, outcome in run(client, address):
                failed += outcome != "ok"
                calls += 1
                print(f"{name:<36} {call:<64} {outcome}", flush=True)
    finally:
        server.terminate()
        if server.wait(60):
            failed += 1
            print(f"the server ended with status {server.returncode}")
    print(f"{len(clients)} clients, {calls} calls, {failed} failed, {time.monotonic() - began:.0f} s")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
