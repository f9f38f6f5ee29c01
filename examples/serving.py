"""A server of Assay for as long as a block runs: bin/assay on a free port, or the one that $ASSAY_URL names."""

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Iterator

from task import ROOT


@contextlib.contextmanager
def serving(*flags: str) -> Iterator[str]:
    """Yield the address of a server of the embedded models with these flags, which is ready, and stop it behind the
    block."""
    if address := os.environ.get("ASSAY_URL"):
        yield address
        return
    command = [str(ROOT / "bin" / "assay"), "serve", "--listen", "127.0.0.1:0", "--batch-tokens", "1024", *flags]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if ready := re.search(r"ready on (\S+) with", line):
                break
        else:
            raise RuntimeError("the server did not start:\n" + "".join(said))
        threading.Thread(target=process.stdout.read, daemon=True).start()  # so that its log never fills the pipe
        yield ready[1]
    finally:
        process.terminate()
        process.wait(30)
