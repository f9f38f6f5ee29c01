// The view of models: what is served, what each answers and within which limits; and the recipes over them.

import { at, button, bytes, code, count, facts, fill, make, rounded, scrolling, short } from "./dom.js";
import { catalog, trouble } from "./api.js";

// models shows what is loaded; choose(name, question) leads to the form that asks it.
export function models(choose) {
  return {
    async show() {
      const panel = at("view-models");
      try {
        const all = await catalog(true);
        const some = (sort) => all.filter((one) => one.sort === sort);
        fill(panel, make("h2", {}, "Models"), make("div", { class: "cards" }, some("model").map((one) => model(one, choose))),
          make("h2", {}, "Recipes"), some("recipe").length ? make("div", { class: "cards" }, some("recipe").map((one) => recipe(one, choose)))
            : make("p", {}, "None is served: ", code("assay serve --recipe"), " takes them."));
      } catch (problem) {
        fill(panel, make("h2", {}, "Models"), trouble(problem));
      }
    },
  };
}

function card(one, choose, ...children) {
  const id = `${one.sort}-${one.name.replace(/\W/g, "-")}`;
  const ways = [["rank", "rewards", "Ask for rewards"], ["steps", "steps", "Ask for steps"]].filter(([question]) => one.answers.includes(question));
  return make("article", { class: "card", "aria-labelledby": id }, make("h3", { id }, one.name), children,
    ways.length > 0 && make("p", { class: "actions" }, ways.map(([, view, text]) =>
      button(text, () => choose(view, one.name), { "aria-label": `${text}: ${one.name}` }))));
}

function model(one, choose) {
  const m = one.info, few = 8;
  const labels = m.labels.length > few ? [m.labels.slice(0, few).join(", "), make("details", {}, make("summary", {}, `all ${m.labels.length}`), m.labels.join(", "))] : m.labels.join(", ");
  return card(one, choose,
    make("p", { class: "small" }, `${m.kind} model`, m.family ? ` · family ${m.family}` : "", m.checkpoint ? ` · of ${m.checkpoint}` : "", m.licence ? ` · ${m.licence}` : ""),
    m.description && make("p", {}, m.description),
    facts([
      ["Answers", m.answers.join(", ")], ["Labels", labels], ["Features", m.features?.join(", ")], ["Transforms", m.transforms.join(", ") || "none: scores are raw"],
      ["Further fields", m.fields && Object.entries(m.fields).map(([name, how]) => `${name} (${how})`).join(", ")],
      ["User's vector", m.user && `${m.user} numbers`], ["Dimensions", m.dimensions],
      ["Longest item", m.max_tokens && `${count(m.max_tokens)} tokens`], ["Step token", m.separator && code(m.separator)],
      ["Weights", `${m.precision}, ${m.layout}`], ["Computes in", m.compute && m.compute.type],
      ["Lower precision", m.drift && `moves scores by ${rounded(m.drift.max, 4)} at most, of ${count(m.drift.items)} items`],
      ["Runs on", `${m.provider}, ${m.threads} threads${m.lanes > 1 ? `, ${m.lanes} lanes` : ""}`], ["Forward", m.batch_tokens && `${count(m.batch_tokens)} tokens`],
      ["Cache", m.cache_bytes ? bytes(m.cache_bytes) : "none"],
      ["One request", `${count(m.budget.items)} items, ${count(m.budget.tokens)} tokens, ${bytes(m.budget.text_bytes)} of text, ${count(m.budget.steps)} steps, ${count(m.budget.cells)} numbers`],
      ["Today's date", m.dated && "is in its template, so scores follow the day"],
      ["Digest", short(m.digest)],
    ]));
}

function recipe(one, choose) {
  const r = one.info;
  const expressions = [...r.values.map((value) => [value.name, value.expression]), ...(r.group ? r.group.values.map((value) => [value.name, value.expression]) : []),
    ["score", r.score || r.group?.score], ["steps", r.steps]].filter(([, text]) => text);
  return card(one, choose,
    r.paper && make("p", { class: "small" }, "After ", make("cite", {}, r.paper)),
    r.about && make("p", {}, r.about),
    facts([
      ["Answers", r.answers],
      ["Reads", r.readings.map((reading) => `${reading.name}: ${reading.gives} of ${reading.model}`).join("; ")],
      ["Parameters", params(r.params)], ["Given with each item", params(r.given)],
      ["Remembers", r.states?.map((state) => `${state.name}: ${state.kind}, state ${state.state}`).join("; ")],
      ["Digest", short(r.digest)],
    ]),
    scrolling(`Expressions of ${one.name}`, make("table", { class: "expressions" }, make("caption", { class: "unseen" }, `Expressions of ${one.name}`),
      make("tbody", {}, expressions.map(([name, text]) => make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, code(text))))))));
}

// params says of each parameter what it may be, and what it is where nobody sets it.
function params(all) {
  return all.map((one) =>
    `${one.name} (${ranged(one)}${one.default === null ? ", must be given" : `, ${one.default} by default`}${one.about ? `; ${one.about}` : ""})`).join("; ");
}

// ranged says what a parameter of a recipe may be.
export const ranged = (param) => param.one_of?.join(" | ") ?? (param.min === null && param.max === null ? param.gives : `${param.min ?? "−∞"} … ${param.max ?? "∞"}`);
