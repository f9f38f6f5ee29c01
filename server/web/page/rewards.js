// The view of rewards: a prompt with several responses, their scores, and how surely each is preferred to each other.

import { at, button, fill, letter, make, rounded, small } from "./dom.js";
import { asking } from "./asking.js";
import { post } from "./api.js";
import { ranged } from "./models.js";
import { components, scores } from "./scores.js";
import { matrix } from "./matrix.js";

const mostResponses = 26; // as many as there are letters to name them
const aggregates = ["copeland", "elo", "nash"];
const further = ["reference", "principle"]; // texts that some models read beside the prompt

const example = {
  p: "What is 17 + 25 - 9?",
  r: ["17 + 25 = 42\n42 - 9 = 33\nThe answer is 33.", "17 + 25 = 42\n42 - 9 = 34\nThe answer is 34.", "17 + 25 = 32\n32 - 9 = 23\nThe answer is 23.", "The answer is 33."],
};

export function rewards() {
  const list = at("responses");
  const texts = () => [...list.querySelectorAll("textarea")].map((area) => area.value);

  function letters() {
    for (const [i, item] of [...list.children].entries()) {
      const name = letter(i), [label, area, remove] = item.children;
      label.textContent = name;
      area.setAttribute("aria-label", "Response " + name);
      remove.setAttribute("aria-label", "Remove response " + name);
      remove.disabled = list.children.length === 1;
    }
    at("add").disabled = list.children.length >= mostResponses;
    at("add").textContent = at("add").disabled ? `${mostResponses} responses are the most here; the API takes more` : "Add a response";
  }

  function add(text) {
    const item = make("li", {}, make("span", { class: "letter", "aria-hidden": "true" }), make("textarea", { rows: 2 }),
      button("×", () => { item.remove(); letters(); list.querySelector("textarea").focus(); }));
    item.children[1].value = text;
    list.append(item);
    letters();
    return item.children[1];
  }

  function fillIn(state) {
    at("rewards-prompt").value = state.p;
    fill(list);
    for (const text of state.r.slice(0, mostResponses)) add(text);
  }

  at("add").addEventListener("click", () => add("").focus());
  fillIn(example);

  return asking("rewards", {
    question: "rank",
    gather: () => ({ p: at("rewards-prompt").value, r: texts(), o: options() }),
    restore(state) {
      fillIn(state);
      restoreOptions(state.o ?? {});
    },
    chosen: offer,
    ask,
    show: (answer, state) => [
      scores(answer, state.r), components(answer),
      answer.compared && matrix(answer.compared, answer.best),
    ],
    summary,
  });
}

// ask has a model rank the responses and compare them; that it cannot do the second is told beside the first.
async function ask(model, state, signal) {
  const { activation, label, truncate, separator = "\\n" } = state.o, info = model.info;
  const steps = model.sort === "recipe" && info.readings.some((reading) => reading.gives === "steps");
  const body = {
    model: model.name, prompt: state.p, responses: state.r, on_error: "item", truncate, label, separator: steps ? separator.replaceAll("\\n", "\n") : undefined,
    ...Object.fromEntries(further.filter((name) => info.fields?.[name]).map((name) => [name, state.o[name]])),
    params: settings(model, state.o),
  };
  const ranked = await post("v1/rank", { ...body, activation, statistics: true }, signal);
  if (state.r.length < 2) return ranked;
  // One after the other, so that what is said to be shared is shared among the responses, and not with the other
  // question.
  const compared = await post("v1/compare", { ...body, aggregate: aggregates }, signal).catch((problem) => problem);
  return { ...ranked, compared };
}

// settings are the parameters of a recipe, as it takes them. What is no number goes as a text, and the server says what
// it thinks of it.
function settings(model, o) {
  const set = {};
  for (const { name, gives } of model.info.params ?? []) {
    const text = o[`${model.name}/${name}`];
    if (text === undefined) continue;
    const one = (part) => (gives.startsWith("word") || part.trim() === "" || Number.isNaN(Number(part)) ? part.trim() : Number(part));
    set[name] = gives === "vector" || gives === "words" ? text.split(",").map(one) : one(text);
  }
  return Object.keys(set).length ? set : undefined;
}

// summary says what each model prefers, and of two on how many pairs they agree.
function summary(answers) {
  const told = answers.filter((one) => one.answer);
  const each = told.map(({ model, answer }) => answer.best === null ? `${model} scores none of them.`
    : `${model} prefers ${letter(answer.best)}, with ${rounded(answer.responses[answer.best].score)}.`);
  if (told.length === 2) {
    const [a, b] = told.map(({ answer }) => answer.responses.map((one) => one.score));
    let pairs = 0, alike = 0;
    for (let i = 0; i < a.length; i++) {
      for (let j = 0; j < i; j++) {
        if ([a[i], a[j], b[i], b[j]].some((score) => score === undefined)) continue;
        pairs++;
        alike += Math.sign(a[i] - a[j]) === Math.sign(b[i] - b[j]);
      }
    }
    each.push(`They order ${alike} of ${pairs} pairs alike.`);
  }
  return each.join(" ");
}

const fields = () => [...at("rewards-options").querySelectorAll("[data-option]")];
const standard = (field) => field.options?.[0].value ?? "";

// options are those of the form that are not as they are by default.
const options = () => Object.fromEntries(fields().filter((field) => field.value !== standard(field)).map((field) => [field.dataset.option, field.value]));

function restoreOptions(o) {
  for (const field of fields()) field.value = o[field.dataset.option] ?? standard(field);
  at("fields").given = o;
  at("rewards-options").open = Object.keys(o).length > 0;
}

// offer shows the fields that the chosen models take beside the prompt, and the parameters of recipes.
function offer(models) {
  const place = at("fields"), given = { ...place.given, ...options() };
  place.given = undefined;
  const field = (option, text, about, placeholder) => make("p", {}, make("label", { for: "option-" + option }, text), " ",
    make("input", { id: "option-" + option, "data-option": option, value: given[option], autocomplete: "off", placeholder }), about && small(about));
  fill(place,
    further.map((name) => [name, models.map((one) => one.info.fields?.[name]).find(Boolean)]).filter(([, takes]) => takes).map(([name, takes]) => field(name, `${name} (${takes})`)),
    models.filter((one) => one.sort === "recipe").map((model) => model.info.params.map((param) => field(`${model.name}/${param.name}`, `${model.name}: ${param.name}`,
      [param.about, ranged(param)].filter(Boolean).join("; "), param.default === null ? "must be given" : String(param.default)))));
}
