// The preference matrix as a heat map: a table whose cells have their numbers, and a tint beside them.

import { failed, trouble } from "./api.js";
import { letter, make, number, scrolling, table } from "./dom.js";

// matrix shows how likely each response, a row, is preferred to each other one, a column, and what is made of that.
export function matrix(compared, best) {
  const title = make("h4", {}, "Preferences");
  if (compared instanceof Error) return [title, trouble(compared)];
  const n = compared.responses.length;
  const head = make("tr", {}, make("td", {}), letters(n, (name) => make("th", { scope: "col" }, name)));
  const rows = letters(n, (name, i) => make("tr", { class: i === best && "best" }, make("th", { scope: "row" }, name),
    letters(n, (_, j) => cell(compared.preference?.[i]?.[j], i === j))));
  const caption = "How likely a row is preferred to a column";
  const made = make("table", { class: "heat" }, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, rows));
  return [title, scrolling(caption, made), legend(), standing(compared, n)];
}

const letters = (n, of) => Array.from({ length: n }, (_, i) => of(letter(i), i));

// cell tints a probability by how far it is from a half, in one hue above and another below.
function cell(p, diagonal) {
  if (p === null || p === undefined) return make("td", { class: "empty" }, "–");
  const side = diagonal ? "even" : p > 0.5 ? "over" : p < 0.5 ? "under" : "even";
  return make("td", { class: `cell ${side}`, "--far": `${Math.round(200 * Math.abs(p - 0.5))}%` }, number(p, p > 0.9995 || p < 0.0005 ? 4 : 3));
}

// standing is what is made of all preferences: one number for each response, or why there is none.
function standing(compared, n) {
  const of = (key) => compared.aggregates?.[key] ?? {};
  const rows = [["Win rate", 3, { values: compared.win_rate }], ["Copeland", 2, of("copeland")], ["Elo", 0, of("elo")], ["Nash", 3, of("nash")]];
  return table("Standing", ["", ...letters(n, (name) => name)], rows.map(([name, decimals, { values, error }]) =>
    [name, ...(error ? [failed(error)] : letters(n, (_, i) => number(values?.[i], decimals)))]), { class: "figures" });
}

const legend = () => make("p", { class: "legend small", "aria-hidden": "true" }, "0", make("span", { class: "ramp" }), "1");
