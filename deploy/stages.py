#!/usr/bin/env python3
"""Follows a Dockerfile on a machine without Docker: every COPY and RUN of its stages, each stage in a folder of its own.

    stages.py DOCKERFILE CONTEXT SCRATCH    the last stage's files are added to SCRATCH/image; SCRATCH/image.json says how it starts

Base images cannot be had without Docker. This machine's tools stand in for those of the stages that build, so what a stage copies
from an image, and ENV where it builds, are read and left out. The last stage's base is what the caller has put into SCRATCH/image.
A file that .dockerignore keeps out is not there for any stage, nor is what another stage has and COPY does not name. Only what takes
minutes or gigabytes to make (MADE) comes from the checkout, where the same scripts have made it.

An instruction, an option or a pattern that is not known here is an error, never a line that is passed over.
"""

import fnmatch
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

MADE = {"libs": (".runtime/cuda",), "build": (".runtime/lib/libtokenizers.a", ".runtime/tokenizers.txt")}  # stage -> what its scripts need not make again


def instructions(dockerfile):
    """Gives (line number, instruction, rest) for each, continued lines joined and comments dropped."""
    lines = dockerfile.read_text().splitlines()
    start, text = 0, ""
    for number, line in enumerate(lines, 1):
        if line.strip().startswith("#") or not (line.strip() or text):
            continue
        start = start if text else number
        text += line.removesuffix("\\")
        if not line.endswith("\\"):
            word, _, rest = text.strip().partition(" ")
            yield start, word, rest.strip()
            text = ""


class Context:
    """The files that a build may copy: those of a checkout, less those of .dockerignore."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder
        lines = (root / ".dockerignore").read_text().splitlines()
        self.patterns = [line.strip().rstrip("/") for line in lines if line.strip() and not line.startswith("#")]
        for pattern in self.patterns:
            if pattern.startswith(("!", "/")) or "**" in pattern.removeprefix("**/"):
                sys.exit(f"stages: .dockerignore has {pattern!r}; only NAME, PATH and **/NAME are known here")
        shutil.copytree(root, folder, symlinks=True, ignore=self.ignored)

    def ignored(self, folder, names):
        """Is shutil's question: which of a folder's names to leave out."""
        above = os.path.relpath(folder, self.root)
        return {name for name in names if self.keeps_out(os.path.normpath(os.path.join(above, name)))}

    def keeps_out(self, path):
        """Tells whether .dockerignore names a path."""
        for pattern in self.patterns:
            anywhere = pattern.removeprefix("**/")
            if fnmatch.fnmatchcase(path, pattern) or (anywhere != pattern and fnmatch.fnmatchcase(os.path.basename(path), anywhere)):
                return True
        return False


class Build:
    """A Dockerfile that is being followed."""

    def __init__(self, dockerfile, context, scratch):
        self.context, self.scratch = context, scratch
        self.steps = list(instructions(dockerfile))
        self.stages = {}  # name -> its root; None where the stage is a base image and no more
        self.where = str(dockerfile)
        self.image = {"env": {}, "user": "", "entrypoint": [], "cmd": [], "health": []}

    def run(self):
        """Follows every line."""
        starts = [index for index, step in enumerate(self.steps) if step[1] == "FROM"]
        for start, end in zip(starts, [*starts[1:], len(self.steps)], strict=True):
            last = end == len(self.steps)
            name = "image" if last else self.steps[start][2].partition(" AS ")[2]
            self.root, self.name, self.last, self.work = self.scratch / name, name, last, "/"
            self.stages[name] = self.root if end - start > 1 else None
            if not last:
                self.root.mkdir()
            for number, word, rest in self.steps[start + 1 : end]:
                self.where = re.sub(r":.*", "", self.where) + f":{number}"
                getattr(self, "do_" + word.lower(), self.unknown)(rest)
        if not all(self.image[key] for key in ("user", "health", "entrypoint", "cmd")):
            self.fail("the last stage lacks one of USER, HEALTHCHECK, ENTRYPOINT and CMD")
        (self.scratch / "image.json").write_text(json.dumps(self.image, indent=1))

    def fail(self, why):
        """Ends the run with the line that is wrong."""
        sys.exit(f"stages: {self.where}: {why}")

    def unknown(self, rest):
        """Is every other instruction."""
        self.fail(f"an instruction that is not known here: ... {rest}")

    def inside(self, path):
        """Is where a path of the stage's own lies on this machine."""
        return self.root / os.path.normpath(os.path.join(self.work, path)).lstrip("/")

    def do_workdir(self, rest):
        """Makes the folder, as Docker does."""
        self.work = rest
        self.inside(".").mkdir(parents=True, exist_ok=True)

    def do_copy(self, rest):
        """Copies what is there, and fails where it is not."""
        *sources, target = rest.split()
        origin = self.context.folder
        if sources[0].startswith("--from="):
            origin = self.stages.get(sources.pop(0).removeprefix("--from="), origin)
            if origin is None:
                return  # from a base image
        if any(source.startswith("--") for source in sources) or origin is self.root:
            self.fail(f"COPY {rest} is not known here")
        for source in sources:
            here = origin / source.lstrip("/")
            if not here.exists():
                kept = origin is self.context.folder and (self.context.root / source).exists()
                self.fail(f"COPY {source}: " + (".dockerignore keeps it out" if kept else "there is no such file"))
            to = self.inside(target)
            if here.is_dir():
                shutil.copytree(here, to, symlinks=True, dirs_exist_ok=True, copy_function=share)
            else:
                to = to / here.name if target.endswith("/") else to
                to.parent.mkdir(parents=True, exist_ok=True)
                share(here, to)

    def do_run(self, rest):
        """Runs a script of the repository in the stage's folder."""
        if self.last:
            self.fail("the last stage runs nothing: what an image holds is copied")
        for path in MADE.get(self.name, ()):
            made, here = self.context.root / path, self.inside(path)
            if made.exists() and not here.exists():
                here.parent.mkdir(parents=True, exist_ok=True)
                shutil.copytree(made, here, copy_function=share) if made.is_dir() else share(made, here)
        began = time.monotonic()
        if subprocess.run(["bash", "-c", rest], cwd=self.inside("."), check=False).returncode:
            self.fail(f"RUN {rest} failed")
        print(f"stages: {self.where}: {rest}: {time.monotonic() - began:.0f} s", flush=True)

    def do_env(self, rest):
        """Is kept for the last stage."""
        if self.last:
            self.image["env"].update(pair.split("=", 1) for pair in rest.split())

    def do_user(self, rest):
        """Must be numbers, since the image has no such name."""
        if not re.fullmatch(r"[1-9]\d*:[1-9]\d*", rest):
            self.fail(f"USER {rest} is not UID:GID, both above 0")
        self.image["user"] = rest

    def do_expose(self, rest):
        """Is said to people."""

    def do_healthcheck(self, rest):
        """Is kept."""
        self.image["health"] = json.loads(rest.partition(" CMD ")[2])

    def do_entrypoint(self, rest):
        """Is kept."""
        self.image["entrypoint"] = json.loads(rest)

    def do_cmd(self, rest):
        """Is kept."""
        self.image["cmd"] = json.loads(rest)


def share(source, target):
    """Copies a file, as a second name for the same bytes where it is large: nothing here writes into a file that is there."""
    if os.path.getsize(source) > 1 << 20:
        pathlib.Path(target).unlink(missing_ok=True)
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def main():
    dockerfile, checkout, scratch = map(pathlib.Path, sys.argv[1:])
    Build(dockerfile, Context(checkout.resolve(), scratch / "context"), scratch).run()


if __name__ == "__main__":
    main()
