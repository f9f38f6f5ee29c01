// Reads the text of GET /metrics, and makes rates of what two scrapes differ by.

// parse gives the samples by name: lists of {labels, value}.
export function parse(text) {
  const samples = new Map();
  for (const line of text.split("\n")) {
    const found = line.startsWith("#") ? null : line.match(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/);
    if (!found) continue;
    const labels = {};
    for (const [, name, value] of (found[2] ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name] = value.replace(/\\(.)/g, (_, c) => (c === "n" ? "\n" : c));
    }
    if (!samples.has(found[1])) samples.set(found[1], []);
    samples.get(found[1]).push({ labels, value: Number(found[3]) });
  }
  return samples;
}

// sum adds up the samples of a name that have these labels.
export function sum(samples, name, labels = {}) {
  return (samples.get(name) ?? []).filter((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((all, one) => all + one.value, 0);
}

// names lists the models whose batchers are scraped.
export const names = (samples) => (samples.get("assay_queue_items") ?? []).map((one) => one.labels.model);

// measures are what is shown of a model: of(now, grown, seconds) gives a number, or null where nothing happened between
// two scrapes. now(name) is a sample of the last one, and grown(name) by how much it grew.
export const measures = [
  { name: "Waiting", unit: "items", decimals: 0, of: (now) => now("assay_queue_items") },
  { name: "Running", unit: "items", decimals: 0, of: (now) => now("assay_running_items") },
  { name: "Batch", unit: "items a forward", decimals: 1, of: (_, grown) => ratio(grown("assay_run_items_total"), grown("assay_runs_total")) },
  { name: "Throughput", unit: "items/s", decimals: 0, of: (_, grown, seconds) => grown("assay_run_items_total") / seconds },
  { name: "Computed", unit: "tokens/s", decimals: 0, of: (_, grown, seconds) => grown("assay_computed_tokens_total") / seconds },
  { name: "Cached", unit: "% of tokens", decimals: 0, of: (_, grown) => percent(ratio(grown("assay_cached_tokens_total"), grown("assay_asked_tokens_total"))) },
  { name: "Shared", unit: "% of tokens", decimals: 0, of: (_, grown) => percent(ratio(grown("assay_shared_tokens_total"), grown("assay_asked_tokens_total"))) },
  { name: "Wait", unit: "ms", decimals: 1, of: (_, grown) => milliseconds(ratio(grown("assay_wait_seconds_sum"), grown("assay_wait_seconds_count"))) },
];

export const ratio = (x, y) => (y > 0 ? x / y : null);
const percent = (x) => (x === null ? null : 100 * x);
const milliseconds = (x) => (x === null ? null : 1000 * x);

// measured gives the measures of a model from two scrapes, {at, samples}. A counter that fell is of a server that was
// started again: nothing is known then.
export function measured(model, before, after) {
  const now = (name) => sum(after.samples, name, { model });
  const grown = (name) => now(name) - sum(before.samples, name, { model });
  const seconds = (after.at - before.at) / 1000;
  if (grown("assay_runs_total") < 0 || seconds <= 0) return measures.map(() => null);
  return measures.map((one) => one.of(now, grown, seconds));
}
