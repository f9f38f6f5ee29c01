"""What every part of the check gets, and how it runs programs and tells what it saw."""

import json
import pathlib
import subprocess
from typing import NamedTuple

from machine import HERE


class Failed(Exception):
    """A part does not hold; the message is one sentence, or what a program said."""


class Given(NamedTuple):
    """What every part gets."""

    rehearse: bool  # without a GPU
    environment: dict  # in which the libraries of CUDA are found
    out: str  # the file of what was found

    def keep(self, found):
        """Writes what was found so far: it stays where the part fails later or is cut."""
        pathlib.Path(self.out).write_text(json.dumps(found), encoding="utf-8")

    @property
    def device(self):
        """Where the server computes."""
        return "cpu" if self.rehearse else "cuda:0"

    @property
    def libraries(self):
        """The environment for a program that calls CUDA's libraries itself: in a rehearsal those for tests, which lie
        beside the driver."""
        return self.environment | ({"LD_LIBRARY_PATH": self.environment["ASSAY_DRIVERS"]} if self.rehearse else {})


def say(line):
    """Tells the person who waits."""
    print(f"gpu-check: {line}", flush=True)


def run(command, environment, where=HERE):
    """Runs a command and gives what it printed."""
    done = subprocess.run(command, env=environment, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(map(str, command))} ends with status {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout
