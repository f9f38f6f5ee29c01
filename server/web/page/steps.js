// The view of steps: a response with the score of each of its steps painted on its text, and the first error marked.

import { at, facts, make, number, rounded, small } from "./dom.js";
import { asking } from "./asking.js";
import { failed, post } from "./api.js";

const example = { p: "What is 17 + 25 - 9?", r: "17 + 25 = 42\n42 - 9 = 34\nThe answer is 34." };

export function steps() {
  const fillIn = (state) => {
    at("steps-prompt").value = state.p;
    at("steps-response").value = state.r;
    at("steps-separator").value = (state.s ?? "\n").replaceAll("\n", "\\n");
    at("threshold").value = state.t ?? "";
  };
  fillIn(example);
  return asking("steps", {
    question: "steps",
    gather: () => ({
      p: at("steps-prompt").value, r: at("steps-response").value,
      s: at("steps-separator").value.replaceAll("\\n", "\n"), t: at("threshold").value.trim() || undefined,
    }),
    restore: fillIn,
    chosen() {},
    ask: (model, state, signal) => post("v1/steps", {
      model: model.name, on_error: "item", items: [{ prompt: state.p, response: state.r, separator: state.s }],
      ...(state.t !== undefined && { threshold: Number.isNaN(Number(state.t)) ? state.t : Number(state.t) }),
    }, signal),
    show: (answer, state) => painted(answer, state.r),
    summary,
  });
}

// summary says where each model sees the first error.
function summary(answers) {
  return answers.filter((one) => one.answer).map(({ model, answer }) => {
    const one = answer.results[0];
    if (one.error) return `${model}: ${one.error.detail}.`;
    if (answer.threshold === null) return `${model} scores ${one.steps.length} steps, and its scores have no threshold.`;
    return one.first_error === null ? `${model} sees no error in ${one.steps.length} steps.`
      : `${model} sees the first error in step ${one.first_error + 1} of ${one.steps.length}.`;
  }).join(" ");
}

// painted is the text of a response, divided where the server says that its steps end, counted in characters as it
// counts them.
function painted(answer, text) {
  const one = answer.results[0];
  if (one.error) return make("p", { class: "problem" }, failed(one.error));
  const characters = Array.from(text), worth = scale(one.steps.map((step) => step.score), answer.threshold);
  let from = 0;
  const items = one.steps.map((step, i) => {
    const part = characters.slice(from, step.end).join("");
    from = step.end;
    return painting(step, part, i === one.first_error, worth(step.score));
  });
  return [
    make("ol", { class: "painted" }, items),
    facts([["First error", one.first_error === null ? "none" : `step ${one.first_error + 1}`], ["Threshold", answer.threshold === null ? "none" : number(answer.threshold, 2)],
      ["Least", number(one.min)], ["Product", number(one.product)], ["Mean", number(one.mean)], ["Last", number(one.last)], ["Tokens", String(one.tokens)]], { class: "facts few" }),
  ];
}

function painting(step, part, first, worth) {
  const side = worth === undefined ? "empty" : worth < 0 ? "under" : "over";
  return make("li", { class: first ? "first" : undefined },
    make("div", { class: "gauge" }, step.score === null ? small("not scored") : number(step.score)),
    make("div", { class: "step" },
      make("p", { class: `text cell ${side}`, "--far": `${Math.round(100 * Math.abs(worth ?? 0))}%` }, part.replace(/^\n+|\n+$/g, "")),
      make("p", { class: "small" }, first && make("strong", { class: "mark" }, "First error "), step.logits && Object.entries(step.logits).map(([label, logit]) => `${label} ${rounded(logit, 2)}`).join(" · "))));
}

// scale gives a score's worth from -1 to 1: 0 at the threshold, and the ends where scores can be at most, which is 0 and
// 1 of probabilities, and else the score that is farthest off. Without a threshold there is none.
function scale(scores, threshold) {
  if (threshold === null) return () => undefined;
  const known = scores.filter((score) => score !== null), shares = known.every((score) => score >= 0 && score <= 1) && threshold >= 0 && threshold <= 1;
  const far = Math.max(...known.map((score) => Math.abs(score - threshold)), 1e-9);
  return (score) => {
    if (score === null) return undefined;
    const off = score - threshold, most = shares ? (off < 0 ? threshold : 1 - threshold) : far;
    return Math.max(-1, Math.min(1, off / (most || 1)));
  };
}
