#!/usr/bin/env python3
"""Prints the dashboard of Grafana, dashboard.json, made with Grafana's own builders. deploy/monitoring/check.sh compares both."""

import itertools

from grafana_foundation_sdk.builders.common import VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard, DatasourceVariable, QueryVariable, Row
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.builders.timeseries import Panel
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef, VariableRefresh

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
JOB = 'job=~"$job"'
MODEL = 'job=~"$job", model=~"$model"'

Query = tuple[str, str]  # and its legend
Described = tuple[str, str, str, list[Query]]  # a panel: title, what it tells, unit


def rate(name: str, by: str, select: str = MODEL) -> str:
    """Return the query of a counter's growth a second."""
    return f"sum by ({by}) (rate({name}{{{select}}}[$__rate_interval]))"


def share(part: str, whole: str) -> str:
    """Return the query of a counter's share of another, for each model."""
    return f"{rate(part, 'model')} / {rate(whole, 'model')}"


def quantile(of: float, name: str, by: str = "", select: str = MODEL) -> str:
    """Return the query of a quantile of a histogram."""
    return f"histogram_quantile({of}, {rate(name + '_bucket', f'le, {by}'.rstrip(', '), select)})"


def gauge(name: str, by: str, select: str = MODEL, over: str = "sum") -> str:
    """Return the query of a gauge."""
    return f"{over} by ({by}) ({name}{{{select}}})"


def sizes(name: str) -> list[Query]:
    """Return the queries of the sizes of forwards."""
    return [(quantile(0.5, name, "model"), "{{model}} median"), (quantile(0.95, name, "model"), "{{model}} p95")]


def of_runs(name: str) -> list[Query]:
    """Return the query of a gauge of the components of training runs."""
    return [(gauge(name, "run, component", over="avg"), "{{run}} {{component}}")]


def of_groups(part: str, whole: str) -> list[Query]:
    """Return the query of a share of what training runs counted."""
    return [(f"{gauge(part, 'run', JOB)} / {gauge(whole, 'run', JOB)}", "{{run}}")]


REQUESTS: list[Described] = [
    ("Requests by status", "Answered requests a second.", "reqps", [(rate("assay_requests_total", "status", JOB), "{{status}}")]),
    (
        "Failures by code",
        "Problems of requests and of items a second, by the code of docs/API.md.",
        "ops",
        [(rate("assay_problems_total", "code", JOB), "{{code}}")],
    ),
    ("Items", "Results in answers a second, and which of them failed.", "ops", [(rate("assay_items_total", "model, outcome"), "{{model}} {{outcome}}")]),
    (
        "Latency of requests",
        "From a request's headers to the end of its answer, of the routes under /v1.",
        "s",
        [(quantile(of, "assay_request_seconds", select=JOB + ', route=~"/v1/.+"'), name) for of, name in ((0.5, "median"), (0.95, "p95"), (0.99, "p99"))],
    ),
]
TIME: list[Described] = [
    (
        "Body, encoding and writing",
        "95th percentile of the stages of a request beside its queue and its run.",
        "s",
        [(quantile(0.95, "assay_stage_seconds", "stage", JOB), "{{stage}}")],
    ),
    (
        "Queue and run",
        "95th percentile of a request's longest wait and longest run.",
        "s",
        [(quantile(0.95, "assay_wait_seconds", "model"), "queue of {{model}}"), (quantile(0.95, "assay_run_seconds", "model"), "run of {{model}}")],
    ),
    (
        "Queue seconds",
        "How long an item would wait that comes now and is served last of its class. What to scale on.",
        "s",
        [(gauge("assay_queue_seconds", "model, class", over="max"), "{{model}} {{class}}")],
    ),
    (
        "What waits, and what is refused",
        "Items that wait for a forward; and those refused by a full queue or past their deadline, a second.",
        "short",
        [
            (gauge("assay_queue_items", "model"), "{{model}} waits"),
            (rate("assay_refused_items_total", "model"), "{{model}} refused a second"),
            (rate("assay_expired_items_total", "model"), "{{model}} expired a second"),
        ],
    ),
]
FORWARDS: list[Described] = [
    (
        "Tokens cached, shared and padding",
        "Share of the tokens asked for that the cache had or another item of the forward brought, and of those computed that belong to no item.",
        "percentunit",
        [
            (share("assay_cached_tokens_total", "assay_asked_tokens_total"), "{{model}} cached"),
            (share("assay_shared_tokens_total", "assay_asked_tokens_total"), "{{model}} shared"),
            (share("assay_padding_tokens_total", "assay_computed_tokens_total"), "{{model}} padding"),
        ],
    ),
    ("Items of a forward", "How many items a forward answered.", "short", sizes("assay_forward_items")),
    ("Tokens of a forward", "How many tokens a forward computed.", "short", sizes("assay_forward_tokens")),
    (
        "Tokens a second",
        "Asked for, and computed.",
        "short",
        [(rate("assay_asked_tokens_total", "model"), "{{model}} asked"), (rate("assay_computed_tokens_total", "model"), "{{model}} computed")],
    ),
    ("Cache", "Keys and values held, of each replica.", "bytes", [(gauge("assay_cache_bytes", "instance, model"), "{{instance}} {{model}}")]),
    (
        "Age of the run in progress",
        "A forward that is older than --stuck-after makes its replica not ready.",
        "s",
        [(gauge("assay_run_age_seconds", "instance, model", over="max"), "{{instance}} {{model}}")],
    ),
]
REWARDS: list[Described] = [
    ("Mean reward", "Of each component of a run that clients name with X-Assay-Run.", "short", of_runs("assay_watched_mean")),
    ("Deviation of the reward", "Falls where the responses to a prompt become alike.", "short", of_runs("assay_watched_deviation")),
    (
        "Drift",
        "How far the mean of the last window lies from the first one's, in deviations. A score that rises while a component falls may be hacked.",
        "short",
        of_runs("assay_watched_drift"),
    ),
    ("Reward and length", "Correlation of the reward with the length of the response.", "short", of_runs("assay_watched_length_correlation")),
    (
        "Groups without a signal",
        "Share of the groups whose responses all had the same reward.",
        "percentunit",
        of_groups("assay_watched_flat_groups", "assay_watched_groups"),
    ),
    ("Items that failed", "Share of a run's items that have no reward.", "percentunit", of_groups("assay_watched_failed_items", "assay_watched_items")),
]
ROWS = {"Requests": REQUESTS, "Where the time goes": TIME, "Forwards": FORWARDS, "Rewards of training runs": REWARDS}
SIGNED = {"Mean reward", "Drift", "Reward and length"}  # panels whose numbers may be below zero


def panel(number: int, title: str, tells: str, unit: str, queries: list[Query]) -> Panel:
    """Return a panel of time series."""
    legend = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM).show_legend(True)
    made = Panel().id(number).title(title).description(tells).unit(unit).datasource(SOURCE).span(8).height(8).legend(legend)
    if title not in SIGNED:
        made = made.min(0)
    for ref, (query, legend_format) in zip("ABCDEF", queries, strict=False):
        made = made.with_target(Dataquery().expr(query).legend_format(legend_format).datasource(SOURCE).ref_id(ref))
    return made


def variable(name: str, label: str, query: str) -> QueryVariable:
    """Return a variable whose values are those of a label."""
    return (
        QueryVariable(name).label(label).datasource(SOURCE).query(query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True).include_all(True).all_value(".+")
    )  # fmt: skip


def dashboard() -> Dashboard:
    """Return the dashboard."""
    made = (
        Dashboard("Assay").uid("assay").tags(["assay"]).description("Rewards, and the servers that give them.")
        .time("now-3h", "now").refresh("30s").timezone("browser").readonly().tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(variable("job", "Job", "label_values(assay_queue_items, job)"))
        .with_variable(variable("model", "Model", 'label_values(assay_queue_items{job=~"$job"}, model)'))
    )  # fmt: skip
    numbers = itertools.count(1)
    for title, panels in ROWS.items():
        made = made.with_row(Row(title).id(next(numbers)))
        for one in panels:
            made = made.with_panel(panel(next(numbers), *one))
    return made


if __name__ == "__main__":
    print(JSONEncoder(sort_keys=True, indent=2).encode(dashboard().build()))
