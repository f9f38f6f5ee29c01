#!/usr/bin/env python3
"""Starts an image that stages.py laid out, as a container would start it, and asks it what its users ask.

    unshare --net --mount container.py SCRATCH          it starts, is healthy, scores rightly and stops with status 0
    unshare --net --mount container.py SCRATCH LIBRARY  it does not start, and the loader says that LIBRARY is missing

It runs in a network and over a file system of its own, read-only, under the image's user, with the image's environment and nothing of
this machine's. Only what a person adds with `docker run -e` is added, and the device is the processors, since no GPU is here.
"""

import json
import pathlib
import signal
import subprocess
import sys
import time
import urllib.request

ADDED = {"ASSAY_ALLOW_ANONYMOUS": "1", "ASSAY_DEVICE": "cpu"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GOLDEN = pathlib.Path("models/builtin/arith-rm/golden.jsonl")
START = 120  # seconds for the models to load
REFUSAL = 20  # seconds for the loader to end a process


class Image:
    """What can be started."""

    def __init__(self, scratch):
        self.root = scratch / "image"
        self.config = json.loads((scratch / "image.json").read_text())
        for command in (
            ["ip", "link", "set", "lo", "up"],
            ["mount", "--bind", self.root, self.root],
            ["mount", "-t", "proc", "proc", self.root / "proc"],
            ["mount", "--rbind", "/sys", self.root / "sys"],
            ["mount", "--rbind", "/dev", self.root / "dev"],
            ["mount", "-o", "remount,bind,ro", self.root],
        ):
            subprocess.run(command, check=True)

    def start(self, command, **streams):
        """Starts a command inside, as the image's user."""
        return subprocess.Popen(
            ["/usr/sbin/chroot", f"--userspec={self.config['user']}", "--groups=", self.root, *command],
            env={"PATH": PATH, **self.config["env"], **ADDED}, text=True, stdin=subprocess.DEVNULL, **streams,
        )

    def serve(self):
        """Starts what `docker run IMAGE` starts."""
        return self.start(self.config["entrypoint"] + self.config["cmd"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def healthy(self):
        """Runs the health check once: its status, and what it says."""
        check = self.start(self.config["health"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = check.communicate(timeout=60)
        return check.returncode, said.strip()


def fail(why):
    """Ends the run."""
    sys.exit(f"container: {why}")


def refuses(image, library):
    """Holds that the loader ends the server for want of one library, which it names."""
    server = image.serve()
    try:
        said, _ = server.communicate(timeout=REFUSAL)
    except subprocess.TimeoutExpired:
        server.kill()
        fail(f"the server starts without {library}, so it is not linked against it")
    if server.returncode != 127 or f"{library}: cannot open shared object file" not in said:
        fail(f"without {library} the server ended with status {server.returncode}: {said.strip()}")
    print(f"container: without {library}: {said.strip()}")


def score(address, item):
    """Gives the raw score of an item."""
    body = json.dumps({"model": "arith-rm", "items": [item]}).encode()
    request = urllib.request.Request(f"http://{address}/v1/score", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["results"][0]["raw"]


def works(image):
    """Holds that the server is healthy, scores and stops."""
    server = image.serve()
    try:
        until = time.monotonic() + START
        while (verdict := image.healthy())[0]:
            if server.poll() is not None:
                fail(f"the server ended with status {server.returncode}: {server.stdout.read().strip()}")
            if time.monotonic() > until:
                fail(f"after {START} s: {verdict[1]}")
            time.sleep(0.2)
        print(f"container: {verdict[1]}")
        with GOLDEN.open() as lines:
            golden = json.loads(next(lines))
        got = score(image.config["env"]["ASSAY_LISTEN"], golden["item"])
        if abs(got - golden["score"]) > 1e-4:
            fail(f"{golden['item']} scores {got}, and {golden['score']} is right")
        print(f"container: {golden['item']} scores {got}")
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=60)
        if server.returncode:
            fail(f"after SIGTERM the server ended with status {server.returncode}: {said.strip()}")
        print("container: stopped with status 0")
        if (status := image.healthy()[0]) != 1:
            fail(f"the health check of a stopped server has status {status}, and must have 1")
    finally:
        server.kill()


def main():
    image = Image(pathlib.Path(sys.argv[1]).resolve())
    if len(sys.argv) > 2:
        refuses(image, sys.argv[2])
    else:
        works(image)


if __name__ == "__main__":
    main()
