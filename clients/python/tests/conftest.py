"""The real binary, served once for all tests, and a proxy that breaks what it is told to."""

import http.client
import http.server
import pathlib
import re
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from assay import Client

ROOT = pathlib.Path(__file__).parents[3]
RECIPE = """
recipe: 1
name: short-and-right
params:
  weight: {default: 0.5, min: 0, max: 10, about: of the length}
given:
  bonus: {gives: number, default: 0}
readings:
  rm: {gives: score, model: arith-rm}
values:
  length: characters(response)
score: rm - weight * length + bonus
example:
  given: {rm: 3, response: four, bonus: 0.25}
  values: {length: 4}
  score: 1.25
  source: 'by hand: 3 - 0.5 * 4 + 0.25'
"""
GROUP = """
recipe: 1
name: best-less-mean
readings:
  rm: {gives: score, model: arith-rm}
group:
  score: leave_one_out(rm)
example:
  group: [{rm: 1}, {rm: 3}]
  scores: [-2, 2]
  source: 'by hand: each less the other'
"""


class Server:
    """A server of the checkout's binary on a port of its own choice, or where it is told to listen."""

    def __init__(self, *flags: str, listen: str = "127.0.0.1:0") -> None:
        command = [str(ROOT / "bin" / "assay"), "serve", "--listen", listen, "--batch-tokens", "1024", *flags]  # so that it need not be measured
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said.append(line)
            if found := re.search(r"ready on (\S+) with", line):
                self.url = found[1]
                break
        else:
            self.process.wait()
            raise RuntimeError("".join(said))
        self.reader = threading.Thread(target=self.process.stdout.read, daemon=True)  # so that the log never fills its pipe
        self.reader.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    def stop(self) -> None:
        """Stop it as a supervisor does, and see that it ends."""
        self.process.terminate()
        assert self.process.wait(30) == 0
        self.reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of most tests: the embedded models, two recipes, states, and few items in a request."""
    folder = tmp_path_factory.mktemp("assay")
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "group.yaml").write_text(GROUP)
    recipes = ["--recipe", str(folder / "recipe.yaml"), "--recipe", str(folder / "group.yaml")]
    running = Server("--protocols", "openai", "--state", str(folder / "state"), "--jobs", str(folder / "jobs"), "--max-request-items", "64", *recipes)
    yield running
    running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    """A client of the server that asks arith-rm."""
    with Client(server.url, model="arith-rm") as made:
        yield made


class Proxy:
    """Passes requests on. faults has what happens to the next ones, one each; seen has their paths and bodies.

    A fault is (status, headers) for an answer of the proxy's own, "lost" for a connection that breaks once the server
    has answered, "cut" for one that breaks before the server has seen anything, or "pass".
    """

    def __init__(self, port: int) -> None:
        self.port, self.faults, self.seen = port, list[Any](), list[tuple[str, bytes]]()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                proxy.seen.append((self.path, body))
                fault = proxy.faults.pop(0) if proxy.faults else "pass"
                if fault == "cut":
                    self.close_connection = True
                    return
                if isinstance(fault, tuple):
                    self.give(fault[0], {"Content-Type": "text/plain", **fault[1]}, b"the proxy says no")
                    return
                onward = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
                onward.request(self.command, self.path, body, {key: value for key, value in self.headers.items() if key != "Host"})
                response = onward.getresponse()
                content = response.read()
                onward.close()
                if fault == "lost":
                    self.close_connection = True
                    return
                self.give(response.status, {key: value for key, value in response.getheaders() if key not in ("Content-Length", "Date")}, content)

            do_GET = do_POST = do_DELETE = answer

            def give(self, status: int, headers: dict[str, str], content: bytes) -> None:
                self.send_response(status)
                for key, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    def stop(self) -> None:
        """Close it."""
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy before the server."""
    made = Proxy(server.port)
    yield made
    made.stop()
