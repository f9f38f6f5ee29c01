// The view of what happens now: queue, batches and throughput of each model, by GET /metrics, every two seconds while
// somebody looks.

import { at, button, code, count, fill, make, number, rounded, share, small, table } from "./dom.js";
import { get, trouble } from "./api.js";
import { measured, measures, names, parse, ratio, sum } from "./metrics.js";
import { spark } from "./charts.js";

const every = 2000; // milliseconds
const most = 90; // scrapes that are kept: three minutes

export function live() {
  const panel = at("view-live");
  const scrapes = [], history = new Map();
  let timer, shown = false, paused = false, problem;

  async function scrape() {
    clearTimeout(timer);
    if (!shown || paused || document.hidden) return;
    try {
      take({ at: performance.now(), samples: parse(await get("metrics")) });
      problem = undefined;
    } catch (why) {
      problem = why;
    }
    if (!shown) return;
    show();
    timer = setTimeout(scrape, every);
  }

  function take(one) {
    const before = scrapes.at(-1);
    scrapes.splice(0, scrapes.length, one);
    if (!before) return;
    for (const model of names(one.samples)) {
      const lines = history.get(model) ?? measures.map(() => []);
      measured(model, before, one).forEach((value, i) => {
        lines[i].push(value);
        lines[i].splice(0, lines[i].length - most + 1);
      });
      history.set(model, lines);
    }
  }

  const places = { state: make("p", { class: "small" }), now: make("div"), since: make("div") };
  const pause = button("Pause", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    scrape();
    show();
  }, { "aria-pressed": "false" });

  function show() {
    places.state.textContent = paused ? "Paused." : `Every ${every / 1000} seconds, while this view is open; the lines go back ${(most * every) / 60000} minutes.`;
    if (problem) {
      fill(places.now, trouble(problem));
      fill(places.since);
      return;
    }
    if (!scrapes.length) return;
    const focused = panel.contains(document.activeElement) && document.activeElement.closest(".scroll")?.getAttribute("aria-label");
    fill(places.now, names(scrapes[0].samples).map((model) => now(model, history.get(model))));
    fill(places.since, since(scrapes[0].samples));
    if (focused) panel.querySelector(`.scroll[aria-label="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  document.addEventListener("visibilitychange", scrape);
  return {
    show() {
      shown = true;
      if (!panel.firstChild) fill(panel, make("h2", {}, "Live"), make("div", { class: "row" }, pause, places.state), places.now, places.since);
      return scrape();
    },
    hide() {
      shown = false;
      clearTimeout(timer);
    },
  };
}

// now is what a model does, each measure with its line.
function now(model, lines) {
  const id = "live-" + model.replace(/\W/g, "-");
  return make("article", { class: "card now", "aria-labelledby": id }, make("h3", { id }, model),
    make("dl", { class: "measures" }, measures.map((one, i) => make("div", {},
      make("dt", {}, one.name), make("dd", {}, number(lines?.[i].at(-1) ?? null, one.decimals), small(" " + one.unit), spark(lines?.[i] ?? []))))));
}

// since are the counts since the server began.
function since(samples) {
  const of = (model) => (name) => sum(samples, name, { model });
  const models = names(samples).map((model) => {
    const n = of(model), asked = n("assay_asked_tokens_total");
    return [model, count(n("assay_runs_total")), rounded(ratio(n("assay_run_items_total"), n("assay_runs_total")), 2), count(n("assay_run_items_total")), count(asked),
      share(ratio(n("assay_computed_tokens_total"), asked)), share(ratio(n("assay_shared_tokens_total"), asked)), share(ratio(n("assay_cached_tokens_total"), asked)),
      count(n("assay_deduplicated_items_total")), count(n("assay_refused_items_total")), count(n("assay_expired_items_total"))];
  });
  const routes = [...new Set((samples.get("assay_requests_total") ?? []).map((one) => one.labels.route))].map((route) => {
    const all = sum(samples, "assay_requests_total", { route });
    const good = sum(samples, "assay_requests_total", { route, status: "200" });
    return [code(route), count(all), count(all - good), rounded(1000 * ratio(sum(samples, "assay_request_seconds_sum", { route }), all), 1)];
  }).sort((a, b) => a[0].textContent.localeCompare(b[0].textContent));
  const problems = (samples.get("assay_problems_total") ?? []).map((one) => [code(one.labels.code), count(one.value)]);
  const callers = (samples.get("assay_caller_requests_total") ?? []).map(({ labels: { caller }, value }) => [caller, count(value),
    ...["refused", "items", "tokens"].map((name) => count(sum(samples, `assay_caller_${name}_total`, { caller })))]);
  return [make("h2", {}, "Since the start"),
    table("Forwards", ["Model", "Forwards", "Batch", "Items", "Tokens asked", "Computed", "Shared", "Cached", "Deduplicated", "Refused", "Expired"], models, { class: "figures" }),
    make("div", { class: "cards" }, table("Requests", ["Route", "All", "Not 200", "Mean, ms"], routes, { class: "figures" }),
      problems.length > 0 && table("Problems", ["Code", "How often"], problems, { class: "figures" }),
      callers.length > 0 && table("Callers", ["Caller", "Requests", "Refused", "Items", "Tokens"], callers, { class: "figures" }))];
}
