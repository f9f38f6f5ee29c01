"""Replicas on a local Ray: the same scores, prompts where their cache is, and what dies comes back."""

import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import ray
import torch

import assay.nemo_rl
import assay.ray
import assay.trl
from assay import Client, ItemsFailed
from tests.conftest import ROOT

ITEMS = [(f"What is {n} + {m}?", f"{n + m}") for n in range(8) for m in range(4)]
BINARY = str(ROOT / "bin" / "assay")


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A Ray of this machine alone, which is told of a GPU that is not there."""
    late = {"agent_register_timeout_ms": 240_000}  # its agent may take longer to start than Ray waits on a busy machine
    ray.init(_system_config=late, num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def handle() -> Iterator[assay.ray.Handle]:
    """Two replicas."""
    made = assay.ray.serve(2, binary=BINARY, host="127.0.0.1", model="arith-rm", flags=["--batch-tokens", "1024"], patience=120)
    yield made
    made.stop()


def servers(handle: assay.ray.Handle) -> list[int]:
    """Return the processes of the servers of this handle, by their ports."""
    ports = {url.rsplit(":", 1)[1] for url in handle.urls()}
    found = subprocess.run(["pgrep", "-f", f"{BINARY} serve"], capture_output=True, text=True).stdout.split()
    listening = {}
    for process in found:
        inodes = {link.readlink().name for link in pathlib.Path(f"/proc/{process}/fd").iterdir() if str(link.readlink()).startswith("socket:")}
        for row in pathlib.Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]:
            cells = row.split()
            if cells[3] == "0A" and f"socket:[{cells[9]}]" in inodes:
                listening[str(int(cells[1].split(":")[1], 16))] = int(process)
    return [listening[port] for port in ports if port in listening]


def test_scores_are_those_of_one_server(handle: assay.ray.Handle, client: Client) -> None:
    assert handle.scores(ITEMS) == client.scores(ITEMS)
    assert handle.scores([ITEMS[0], {"prompt": "1"}, ITEMS[1]]) == [*client.scores(ITEMS[:1]), None, *client.scores(ITEMS[1:2])]
    with pytest.raises(ItemsFailed):
        handle.scores([{"prompt": "1"}], on_error="raise")
    prompts, completions = [one for one, _ in ITEMS], [one for _, one in ITEMS]
    assert assay.trl.reward(handle)(prompts=prompts, completions=completions) == client.scores(ITEMS)
    group = assay.trl.reward(handle, group=True, activation="sigmoid")
    assert group(prompts=prompts, completions=completions) == client.scores(ITEMS, activation="sigmoid")


def test_a_prompt_goes_to_one_replica(handle: assay.ray.Handle) -> None:
    places = {handle.place(item) for item in ITEMS}
    assert places == {0, 1}
    chat = [{"role": "user", "content": "1?"}]
    assert handle.place((chat, "a")) == handle.place((chat, "b")) == handle.place({"messages": [*chat, {"role": "assistant", "content": "c"}]})
    before = [items(url) for url in handle.urls()]
    handle.scores([("the same prompt", str(n)) for n in range(6)])
    after = [items(url) for url in handle.urls()]
    assert sorted(new - old for new, old in zip(after, before, strict=True)) == [0, 6]


def items(url: str) -> int:
    """Return how many items a server has scored."""
    with Client(url) as made:
        return sum(int(float(line.split()[-1])) for line in made.metrics().splitlines() if line.startswith("assay_items_total"))


def test_a_task_asks_through_the_handle(handle: assay.ray.Handle, client: Client) -> None:
    def asked(given: Any) -> Any:
        return given.scores(ITEMS[:4])

    assert ray.get(ray.remote(asked).remote(handle)) == client.scores(ITEMS[:4])


def test_a_server_that_is_killed_comes_back(handle: assay.ray.Handle, client: Client) -> None:
    expected = client.scores(ITEMS)
    victim = servers(handle)[0]
    subprocess.run(["kill", f"-{signal.SIGKILL}", str(victim)], check=True)
    assert handle.scores(ITEMS) == expected
    assert victim not in servers(handle) and len(servers(handle)) == 2


def test_an_actor_that_is_killed_takes_its_server_along_and_comes_back(handle: assay.ray.Handle, client: Client) -> None:
    expected, before = client.scores(ITEMS), servers(handle)
    ray.kill(handle.replicas[1], no_restart=False)
    assert handle.scores(ITEMS) == expected
    deadline = time.monotonic() + 60
    while sum(pathlib.Path(f"/proc/{process}").exists() and alive(process) for process in before) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def alive(process: int) -> bool:
    """Whether a process runs, and is not only waited for."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_server_that_cannot_start_says_why() -> None:
    with pytest.raises(ray.exceptions.RayError, match="no_device"):
        assay.ray.serve(1, binary=BINARY, host="127.0.0.1", num_gpus=1)
    with pytest.raises(ray.exceptions.RayError, match="there is no /nowhere/assay on this node"):
        assay.ray.serve(1, binary="/nowhere/assay", host="127.0.0.1")


def test_nemo_rl_steps_an_environment(client: Client) -> None:
    config = {"url": client.url, "model": "short-and-right", "components": ["rm", "length"], "given": {"bonus": "extra"}}
    environment = assay.nemo_rl.Environment.remote(config)
    logs = [[{"role": "user", "content": "12 + 30?", "token_ids": torch.tensor([1])}, {"role": "assistant", "content": text}] for text in ("42", "41")]
    told = ray.get(environment.step.remote(logs, [{"extra": 1.0}, {}]))
    assert told.rewards.tolist() == [[pytest.approx(score), 2.0] for score in client.scores([("12 + 30?", "42"), ("12 + 30?", "41")])]
    assert told.terminateds.tolist() == [True, True] and told.answers == ["42", "41"] and told.metadata == [None, None]
    alone = assay.nemo_rl.AssayEnvironment({"url": client.url, "model": "arith-rm"})
    assert alone.step(logs, [None, None]).rewards.shape == (2,)
    assert alone.global_post_process_and_metrics({"rewards": torch.tensor([1.0, 3.0])})[1]["assay/mean_reward"] == 2
    with pytest.raises(ItemsFailed):
        alone.step([[*logs[0][:1], {"role": "assistant", "content": "\ud800"}]], [None])
    alone.shutdown()
    ray.kill(environment)
