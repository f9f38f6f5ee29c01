"""The server on a device, and what it answers."""

import concurrent.futures
import json
import pathlib
import random
import socket
import subprocess
import time
import urllib.error
import urllib.request

START = 600  # seconds for a model to load
ITEMS, SHORTEST, LONGEST = 48, 2, 200  # of the comparison, tokens an item
ALONE = 16  # items whose bits are compared
CLIENTS, REQUESTS, BATCH, TOKENS = 8, 32, 64, 256  # of the measurement


class Served:
    """A server with one bundle on one device, and further options. It stops at the end of a with statement."""

    def __init__(self, folder, bundle, device, environment, *options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.log = pathlib.Path(f"{bundle}.{device.partition(':')[0]}.log").open("w+")  # noqa: SIM115 it is closed with the server
        self.process = subprocess.Popen(
            [folder / "assay", "serve", "--no-builtin", "--bundle", bundle, "--device", device, "--listen", self.address[7:],
             "--onnxruntime", environment["LD_LIBRARY_PATH"].split(":")[0] + "/libonnxruntime.so.1.27.0", *options],
            env=environment, stdout=self.log, stderr=self.log)

    def __enter__(self):
        end = time.monotonic() + START
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(self.address + "/readyz", timeout=10).close()
                self.model = self.ask("/v1/models")["models"][0]
                return self
            except (urllib.error.URLError, TimeoutError):
                time.sleep(0.2)
        self.__exit__()
        self.log.seek(0)
        raise RuntimeError(f"the server did not start: {self.log.read().strip()[-2000:]}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)

    def ask(self, route, body=None):
        """Posts a body, or gets a route."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + route, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return json.load(answer)

    def scores(self):
        """Gives the raw scores of items made from a seed: the same for every device."""
        rng = random.Random(1)
        most = min(LONGEST, self.model["max_tokens"])
        items = [{"input_ids": [rng.randrange(self.model["vocab_size"]) for _ in range(rng.randint(SHORTEST, most))]} for _ in range(ITEMS)]
        if self.model["kind"] == "process":
            items = [{"prompt": f"What is {i} + {i}?", "steps": [f"{i} + {i} = {2 * i}", f"The answer is {2 * i}."]} for i in range(ITEMS)]
            results = self.ask("/v1/steps", {"items": items})["results"]
            return [step["score"] for result in results for step in result["steps"]]
        return [result["raw"] for result in self.ask("/v1/score", {"items": items})["results"]]

    def drift(self):
        """Gives how far the bundle's own precision takes its scores from float32, relative where one is above 1."""
        return (self.model.get("compute") or {}).get("score", 0)

    def bits(self):
        """Counts the scores that have the same bits alone as in a batch of all, and when the batch is sent again."""
        rng = random.Random(3)
        tokens = min(LONGEST, self.model["max_tokens"])
        prompt = [rng.randrange(self.model["vocab_size"]) for _ in range(tokens // 2)]
        items = [{"input_ids": prompt + [rng.randrange(self.model["vocab_size"]) for _ in range(rng.randint(1, tokens // 2))]} for _ in range(ALONE)]
        if self.model["kind"] == "process":
            items = [{"prompt": f"What is {i} + {i}?", "steps": [f"The answer is {2 * i}."]} for i in range(ALONE)]

        def asked(items):
            if self.model["kind"] == "process":
                return [result["steps"][0]["score"] for result in self.ask("/v1/steps", {"items": items})["results"]]
            return [result["raw"] for result in self.ask("/v1/score", {"items": items})["results"]]

        alone = [asked([item])[0] for item in items]
        return {"of": ALONE, **{name: sum(a == b for a, b in zip(alone, asked(items), strict=True)) for name in ("alone", "again")}}

    def speed(self):
        """Gives the tokens a second that are served: requests of many items of like length, none twice."""
        rng = random.Random(2)
        tokens = min(TOKENS, self.model["max_tokens"])
        bodies = [{"items": [{"input_ids": [rng.randrange(self.model["vocab_size"]) for _ in range(tokens)]} for _ in range(BATCH)]}
                  for _ in range(REQUESTS)]
        self.ask("/v1/score", bodies[0])
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as clients:
            start = time.monotonic()
            answers = list(clients.map(lambda body: self.ask("/v1/score", body), bodies[1:]))
            seconds = time.monotonic() - start
        if any("error" in result for answer in answers for result in answer["results"]):
            raise RuntimeError("an item of the measurement has no score")
        return sum(answer["usage"]["computed_tokens"] for answer in answers) / seconds
