#!/usr/bin/env python3
"""Holds the dashboard and the rules to a real server: every metric that they name is in a scrape of it, with every label
that they select or group by, and promtool reads every query. It starts bin/assay on a free port, and asks it."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from assay import NEVER, Client, Refused

ROOT = pathlib.Path(__file__).parents[2]
HERE = ROOT / "deploy" / "monitoring"
PROMTOOL = ROOT / ".runtime/debian/usr/bin/promtool"
SCRAPED = {"up", "job", "instance"}  # what Prometheus adds itself
UNITS = {"reqps", "ops", "s", "short", "percentunit", "bytes"}


def scrape() -> str:
    """Return the metrics of a server that was asked this and that."""
    command = [str(ROOT / "bin" / "assay"), "serve", "--listen", "127.0.0.1:0", "--batch-tokens", "1024"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"ready on (\S+) with", server.stdout.readline())
        assert found, "the server did not start"
        with Client(found[1], model="arith-rm", run="checked", retry=NEVER) as client:
            for n in range(60):  # enough for a first and a last window of the run
                client.score([(f"{n} + {n}?", f"{n + k} {'is it' * (k % 3)}") for k in range(10)])
            client.score([("1 + 1?", "2"), {"text": ""}])
            try:
                client.score([{"txt": "1"}])
            except Refused as refused:
                assert refused.code == "unknown_field", refused
            return client.metrics()
    finally:
        server.terminate()
        server.wait(60)


def queries() -> Iterator[tuple[str, str]]:
    """Yield every query of the dashboard and of the rules, and where it stands."""
    dashboard = json.loads((HERE / "dashboard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"].replace("$__rate_interval", "5m").replace("$job", ".+").replace("$model", ".+")
            assert "$" not in query, f"{panel['title']} has a variable that the dashboard does not declare: {query}"
            yield f"panel {panel['title']}", query
    yield from re.findall(r"^ +- (?:record|alert): (\S+)\n +expr: (.+)$", (HERE / "rules.yaml").read_text(), re.MULTILINE)


def check_dashboard(dashboard: dict[str, Any]) -> int:
    """Hold every panel to what a reader needs of it."""
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids), "panels have the same id"
    declared = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert declared == {"datasource", "job", "model"}, declared
    for panel in panels:
        title = panel["title"]
        assert panel["description"].endswith("."), f"{title} has no description"
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS, f"{title} has no unit"
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${datasource}" and target["legendFormat"], f"{title} has no source or legend"
            assert "$job" in target["expr"], f"{title} does not select its job"
    return len(panels)


def known(metrics: str) -> dict[str, set[str]]:
    """Return the labels of every series of a scrape, by its name."""
    labels: dict[str, set[str]] = {}
    for name, given in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", metrics, re.MULTILINE):
        labels.setdefault(name, set()).update(re.findall(r'(\w+)="', given))
    return labels


def check_query(where: str, query: str, labels: dict[str, set[str]]) -> None:
    """See that a query asks for what there is."""
    bare = re.sub(r'"[^"]*"', '""', query)
    names = set(re.findall(r"\bassay_\w+", bare))
    assert names <= labels.keys(), f"{where}: no scrape has {names - labels.keys()}"
    asked = {label for group in re.findall(r"by \(([^)]*)\)", bare) for label in re.split(r", *", group)}
    asked |= {label for selected in re.findall(r"\{([^}]*)\}", bare) for label in re.findall(r"(\w+)(?:=|!)", selected)}
    for name in names:
        missing = asked - labels[name] - SCRAPED
        assert not missing, f"{where}: {name} has no label {missing}"


def main() -> None:
    """Check all of it."""
    panels = check_dashboard(json.loads((HERE / "dashboard.json").read_text()))
    metrics = scrape()
    labels = known(metrics)
    all_queries = list(queries())
    for where, query in all_queries:
        check_query(where, query, labels)
    for wrong in ("assay_queue_second", 'assay_queue_seconds{klass="bulk"}', "sum by (klass) (assay_queue_seconds)"):
        try:
            check_query("planted", wrong, labels)
        except AssertionError:
            continue
        sys.exit(f"a planted mistake was not found: {wrong}")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        rules = [{"record": f"checked:{n}", "expr": query} for n, (_, query) in enumerate(all_queries)]
        json.dump({"groups": [{"name": "checked", "rules": rules}]}, file)  # JSON is YAML
        file.flush()
        subprocess.run([PROMTOOL, "check", "rules", file.name], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([PROMTOOL, "check", "metrics"], input=metrics, text=True, check=True)
    print(f"{panels} panels and {len(all_queries)} queries, whose metrics are in a scrape")


if __name__ == "__main__":
    main()
