// The view of training runs: how the rewards of each that a client names are spread, drift and fail.

import { at, button, code, count, facts, fill, make, number, rounded, share, short, small, table } from "./dom.js";
import { get, trouble } from "./api.js";
import { spread } from "./charts.js";

// runs shows the list, and one run where its name is given; open(name) leads to it.
export function runs(open) {
  const panel = at("view-runs");
  return {
    async show(name) {
      try {
        const { runs: all } = await get("v1/runs");
        const chosen = name || all[0]?.run;
        const run = chosen && (await get("v1/runs/" + encodeURIComponent(chosen)));
        fill(panel, make("h2", {}, "Runs"), all.length ? list(all, chosen, open) : none(), run && one(run));
      } catch (problem) {
        fill(panel, make("h2", {}, "Runs"), trouble(problem), name && make("p", {}, button("All runs", () => open(""))));
      }
    },
  };
}

const none = () => make("p", {}, "No run is watched. Requests with the header ", code("X-Assay-Run: NAME"), " are counted under its name, and shown here.");

const when = (text) => make("time", { datetime: text }, new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));

const list = (all, chosen, open) => [
  make("p", {}, button("Refresh", () => open(chosen))),
  table("Runs, the latest first", ["Run", "Last", "Started", "Requests", "Items"], all.map((one) => [
    button(one.run, () => open(one.run), { class: "text", "aria-current": one.run === chosen && "true" }),
    when(one.last), when(one.started), count(one.requests), count(one.items)]), { class: "figures" }),
];

function one(run) {
  const f = run.failures, g = run.groups, codes = (by) => Object.entries(by).map(([code, n]) => `${code} ${count(n)}`).join(", ");
  return make("section", { "aria-labelledby": "the-run" }, make("h3", { id: "the-run" }, run.run),
    facts([
      ["Requests", count(run.requests)], ["Items", count(run.items)],
      ["Failed items", [count(f.count), f.share !== null && ` (${share(f.share)})`, f.count > 0 && `: ${codes(f.by_code)}`]],
      ["Refused requests", codes(f.refused_requests)],
      ["Groups", g.count && count(g.count)], ["Without variance", g.count && `${count(g.without_variance)} (${share(g.without_variance_share)})`],
      ["Deviation within groups", g.count && number(g.deviation, 2)], ["Score with length, within groups", g.length_correlation !== null && number(g.length_correlation, 2)],
      ["Models", run.models.map((model, i) => [i ? ", " : "", model.name, " ", short(model.digest)])],
      ["Components left out", run.left_out && count(run.left_out)],
    ]),
    make("div", { class: "cards" }, [...run.components, run.tokens].filter((of) => of.count > 0).map(component)));
}

// component is one named number of a run: its spread drawn, and the numbers that are drawn.
function component(of) {
  const id = `component-${(of.model ?? "")}-${of.name}`.replace(/\W/g, "-"), q = of.quantiles;
  return make("article", { class: "card", "aria-labelledby": id },
    make("h4", { id }, of.name, small(` ${of.model ? of.model + ", " : ""}${count(of.count)} numbers`)),
    spread(of),
    facts([["Least", of.min], ["1 %", q.p01], ["5 %", q.p05], ["25 %", q.p25], ["Median", q.p50], ["75 %", q.p75], ["95 %", q.p95], ["99 %", q.p99], ["Greatest", of.max]]
      .map(([name, x]) => [name, number(x, 2)]), { class: "facts quantiles" }),
    facts([
      ["Mean", number(of.mean, 2)], ["Deviation", number(of.deviation, 2)],
      ["Drift", of.drift !== null && [number(of.drift, 2), ` deviations, from ${rounded(of.first.mean, 2)} to ${rounded(of.last.mean, 2)}`]],
      ["With length", of.length_correlation !== null && number(of.length_correlation, 2)],
      ["Near 0, near 1", of.saturation && `${share(of.saturation.low)}, ${share(of.saturation.high)}`],
      ["Most often", of.repeated?.count > 1 && [number(of.repeated.value, 2), `, ${share(of.repeated.share)}`]],
    ]));
}
