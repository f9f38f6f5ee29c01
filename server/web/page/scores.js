// Scores of the responses to one prompt, with what each is made of.

import { failed } from "./api.js";
import { letter, make, number, rounded, scrolling, small } from "./dom.js";

// bar draws a number between the least and the greatest of its column, from 0.
function bar(x, all) {
  const least = Math.min(0, ...all), most = Math.max(0, ...all), span = most - least || 1;
  const from = (Math.min(0, x) - least) / span, to = (Math.max(0, x) - least) / span;
  return make("span", { class: "bar", "aria-hidden": "true" },
    make("span", { class: x < 0 ? "below" : "above", "--from": `${100 * from}%`, "--wide": `${100 * (to - from)}%` }));
}

// scores is a table with a row for each response, in the order of the request.
export function scores(answer, texts) {
  const all = answer.responses.map((one) => one.score).filter((score) => score !== undefined);
  const statistics = answer.statistics ?? {};
  const rows = answer.responses.map((one, i) => {
    const name = make("th", { scope: "row" }, make("span", { class: "named" }, make("span", { class: "letter" }, letter(i)), " ", make("span", { class: "excerpt" }, texts[i])));
    if (one.error) return make("tr", {}, name, make("td", { colspan: "5" }, failed(one.error)));
    const best = i === answer.best;
    return make("tr", { class: best && "best" }, name,
      make("td", { class: "score" }, bar(one.score, all), number(one.score)),
      make("td", {}, String(statistics.ranks?.[i] ?? "–"), best && make("span", { class: "mark" }, " best")),
      make("td", {}, number(statistics.leave_one_out?.[i], 2)),
      make("td", {}, number(statistics.normalized?.[i], 2)),
      make("td", {}, tokens(one)));
  });
  const columns = ["Response", "Score", "Place", "RLOO", "GRPO", "Tokens"];
  const caption = "Scores";
  const made = make("table", { class: "scores" },
    make("caption", {}, caption, small(statistics.error ? " – " + statistics.error.detail
      : ` mean ${rounded(statistics.mean, 2)}, deviation ${rounded(statistics.deviation, 2)}; advantages by RLOO and GRPO`)),
    make("thead", {}, make("tr", {}, columns.map((column) => make("th", { scope: "col" }, column)))), make("tbody", {}, rows));
  return scrolling(caption, made);
}

// tokens says how many were read, and how many of them were not computed again.
function tokens(one) {
  if (one.tokens === undefined) return "–";
  const spared = Math.max(one.shared_tokens, one.cached_tokens);
  return [String(one.tokens), spared > 0 && small(` ${spared} ${one.cached_tokens >= one.shared_tokens ? "cached" : "shared"}`),
    one.truncated && make("strong", {}, ` ${one.truncated} cut`)];
}

const manyRows = 12; // and more are folded away

// components is a table with a column for each response, and a row for each number that its score is made of: raw where
// it is another number, labels, a recipe's readings and values. It is nothing where there is none.
export function components(answer) {
  const groups = [
    ["Before the transforms", (one) => (one.raw !== undefined && one.raw !== one.score ? { raw: one.raw } : {})],
    ["Score by label", (one) => one.scores],
    ["Logit by label", (one) => (differs(one) ? one.logits : {})],
    ["Reading", readings],
    ["Value", (one) => one.values],
    ["Vector", (one) => one.vectors],
  ];
  const bodies = [], columns = answer.responses;
  let rows = 0;
  for (const [title, of] of groups) {
    const each = columns.map((one) => of(one) ?? {});
    const names = [...new Set(each.flatMap(Object.keys))];
    rows += names.length;
    if (names.length) {
      bodies.push(make("tbody", {}, make("tr", {}, make("th", { scope: "rowgroup", colspan: columns.length + 1, class: "group" }, title)),
        names.map((name) => make("tr", {}, make("th", { scope: "row" }, name), each.map((one) => make("td", {}, value(one[name])))))));
    }
  }
  if (rows === 0) return undefined;
  const caption = "Components";
  const head = make("tr", {}, make("th", { scope: "col" }, "Component"), columns.map((_, i) => make("th", { scope: "col" }, letter(i))));
  const made = scrolling(caption, make("table", { class: "components" }, make("caption", {}, caption), make("thead", {}, head), bodies));
  return rows > manyRows ? make("details", {}, make("summary", {}, `${rows} components`), made) : made;
}

const differs = (one) => Object.entries(one.logits ?? {}).some(([name, logit]) => logit !== one.scores?.[name]);

// readings are those of a recipe by their names and models.
function readings(one) {
  const named = {};
  for (const [name, of] of Object.entries(one.components ?? {})) {
    const title = `${name} (${of.model})`;
    if (of.scores) for (const [label, score] of Object.entries(of.scores)) named[`${title} ${label}`] = score;
    else named[title] = of.error ?? of.steps ?? of.score;
    if (of.raw !== undefined && of.raw !== of.score) named[`${title} raw`] = of.raw;
  }
  return named;
}

function value(x) {
  if (x === undefined) return "–";
  if (Array.isArray(x)) return x.map((one, i) => [i ? " " : "", make("data", { value: one, class: "number" }, one.toFixed(2).replace("-", "−"))]);
  return typeof x === "object" && x !== null ? failed(x) : number(x);
}
