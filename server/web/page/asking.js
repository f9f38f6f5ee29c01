// What the two forms have in common: a question is asked of one model, or of two beside each other, and a link asks it
// again.

import { at, fill, make, short } from "./dom.js";
import { catalog, saying, trouble } from "./api.js";
import { copy, damaged, mostLink, pack, tooLong, unpack } from "./link.js";

// asking leads the form whose elements begin with a prefix. of has
//
//	question            the models that are offered answer it
//	gather()            what the form asks, as a link holds it
//	restore(state)      fills the form
//	chosen(models)      is told which models are chosen
//	ask(model, state, signal)   the answer of one model
//	show(answer, state)         its elements
//	summary(answers)            a sentence on the answers, each {model, answer or problem}
export function asking(prefix, of) {
  const part = (name) => at(`${prefix}-${name}`);
  const said = (text) => { part("said").textContent = text; };
  const models = [];
  let running, packed = ""; // packed is the link of what was asked last

  const chosen = () => [part("model").value, part("beside").value]
    .filter((name, i, all) => name && all.indexOf(name) === i).map((name) => models.find((one) => one.name === name)).filter(Boolean);

  async function offer() {
    const all = (await catalog()).filter((one) => one.answers.includes(of.question));
    models.splice(0, models.length, ...all);
    for (const [select, none] of [[part("model"), false], [part("beside"), true]]) {
      const was = select.value;
      const groups = ["model", "recipe"].map((sort) => [sort, all.filter((one) => one.sort === sort)]).filter(([, some]) => some.length);
      fill(select, none && make("option", { value: "" }, "nothing"), groups.map(([sort, some]) =>
        make("optgroup", { label: sort === "model" ? "Models" : "Recipes" }, some.map((one) => make("option", {}, one.name)))));
      if (was) select.value = was;
    }
    of.chosen(chosen());
  }

  // remember puts what was asked into the address, while the view is shown.
  async function remember(state) {
    const text = await pack(state), length = `#${prefix}/${text}`.length;
    packed = length <= mostLink ? text : "";
    part("copy").disabled = !packed;
    if (shown()) history.replaceState(null, "", packed ? `#${prefix}/${packed}` : `#${prefix}`);
    return packed ? "" : tooLong(length);
  }

  const shown = () => location.hash === "" || location.hash.slice(1).split("/")[0] === prefix;

  async function ask(before = {}) {
    running?.abort();
    const mine = running = new AbortController();
    const asked = chosen(), state = { m: asked.map((one) => one.name), ...of.gather() };
    if (asked.length === 0) {
      said("No model that is served answers this.");
      return;
    }
    said("Asking…");
    const cards = asked.map((one, i) => card(`${prefix}-card-${i}`, one));
    fill(part("answers"), cards.map((one) => one.node));
    const answers = await Promise.all(asked.map(async (one, i) => {
      const told = { model: one.name };
      try {
        told.answer = await of.ask(one, state, mine.signal);
        cards[i].show(told.answer, of.show(told.answer, state), before[one.name]);
      } catch (problem) {
        if (mine.signal.aborted) return told;
        told.problem = problem;
        cards[i].fail(problem);
      }
      return told;
    }));
    if (mine.signal.aborted) return;
    const digests = Object.fromEntries(answers.filter((one) => one.answer).map((one) => [one.model, one.answer.digest]));
    const more = await remember({ ...state, d: digests });
    said([...answers.map((one) => one.problem && `${one.model}: ${saying(one.problem)}`), of.summary(answers), more].filter(Boolean).join(" "));
  }

  part("form").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  part("form").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) part("form").requestSubmit();
  });
  part("copy").addEventListener("click", async () => said(await copy(part("link"))));
  for (const name of ["model", "beside"]) part(name).addEventListener("change", () => of.chosen(chosen()));

  // follow fills the form as a link says, and asks.
  async function follow(link) {
    const state = await unpack(link);
    const lost = state.m.filter((name) => !models.some((one) => one.name === name));
    [part("model").value, part("beside").value] = [state.m[0] ?? "", state.m[1] ?? ""];
    of.restore(state);
    of.chosen(chosen());
    if (lost.length) throw new Error(`The link asks ${lost.join(" and ")}, which this server does not serve for this question.`);
    await ask(state.d);
  }

  return {
    // rest is what stands in the address behind the name of the view.
    rest: () => packed,
    // show follows a link; without one, and where it was asked already, it shows what was asked, or asks the example.
    async show(link, again) {
      try {
        await offer();
        if (link && link !== packed) await follow(link);
        else if (again || !running) await ask();
      } catch (problem) {
        fill(part("answers"), problem.title && trouble(problem));
        said(problem.title ? saying(problem) : problem instanceof TypeError ? damaged : problem.message);
      }
    },
    // choose asks a model.
    async choose(name) {
      await offer();
      [part("model").value, part("beside").value] = [name, ""];
      of.chosen(chosen());
      await ask();
    },
  };
}

// card is the place of one model's answer, beside the other's.
function card(id, model) {
  const body = make("div", { class: "body", "aria-busy": "true" });
  const about = make("p", { class: "small about" }, model.sort === "recipe" ? "recipe" : model.info.kind + " model");
  const node = make("article", { class: "card", "aria-labelledby": id }, make("h3", { id }, model.name), about, body);
  const done = (...children) => {
    body.setAttribute("aria-busy", "false");
    fill(body, ...children);
  };
  return {
    node,
    fail: (problem) => done(trouble(problem)),
    show(answer, children, before) {
      about.append(" ", short(answer.digest), answer.transforms.length ? " · " + answer.transforms.join(", ") : " · raw",
        ` · ${answer.usage.computed_tokens} of ${answer.usage.tokens} tokens computed · ${answer.timings.total_ms.toFixed(1)} ms`);
      const other = before && before !== answer.digest;
      done(other && make("p", { class: "problem" }, "This is another version than the one that the link was made with: that was ", short(before), "."), children);
    },
  };
}
