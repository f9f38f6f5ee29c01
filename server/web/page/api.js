// Asks the server that sent the page. The token that the user typed is kept for this tab of the browser alone.

import { code, make } from "./dom.js";

const key = "assay-token";

export const token = {
  get: () => sessionStorage.getItem(key) ?? "",
  set: (text) => (text ? sessionStorage.setItem(key, text) : sessionStorage.removeItem(key)),
};

// Problem is why there is no answer: what the server says, or that it says nothing.
export class Problem extends Error {
  constructor(body, request) {
    super(body.detail || body.title);
    Object.assign(this, { code: body.code, status: body.status, title: body.title, detail: body.detail, request });
  }
}

export const get = (path, signal) => ask(path, { signal });

export const post = (path, body, signal) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });

// ask gives the JSON of an answer, or its text where it is none. A missing or a wrong token is told to the whole page.
async function ask(path, options) {
  const headers = { ...options.headers, ...(token.get() && { Authorization: "Bearer " + token.get() }) };
  let response, text;
  try {
    response = await fetch(path, { ...options, headers });
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({ code: "no_answer", title: "The server does not answer", detail: String(error.message) });
  }
  const json = (response.headers.get("Content-Type") ?? "").includes("json");
  const body = json ? JSON.parse(text) : text;
  if (response.ok) return body;
  const told = body.code ? body : { code: "status_" + response.status, status: response.status, title: response.statusText };
  if (response.status === 401) document.dispatchEvent(new CustomEvent("unauthorized"));
  throw new Problem(told, response.headers.get("X-Request-Id"));
}

// trouble shows a problem of a whole request.
export const trouble = (problem) =>
  make("div", { class: "problem" },
    make("p", {}, make("strong", {}, problem.title || "No answer"), problem.detail ? ` – ${problem.detail}` : ""),
    make("p", { class: "small" }, code(problem.code ?? problem.name), problem.request ? [" · request ", code(problem.request)] : ""));

// failed shows the problem of one item, where its score would be.
export const failed = (error) => make("span", { class: "failed" }, error.detail || error.title, " ", code(error.code));

// saying gives a problem as one sentence for who hears the page.
export const saying = (problem) => `${problem.title || "no answer"}: ${problem.detail ?? problem.message}`;

let listed; // what is loaded, asked for once

// catalog gives what is loaded: models and recipes by name, with the questions that each answers.
export function catalog(again) {
  if (again || !listed) {
    listed = Promise.all([get("v1/models"), get("v1/recipes")]).then(([{ models }, { recipes }]) => [
      ...models.map((info) => ({ name: info.name, sort: "model", answers: info.answers, info })),
      ...recipes.map((info) => ({ name: info.name, sort: "recipe", answers: info.answers.split(/,? and |, /), info })),
    ]);
    listed.catch(() => { listed = undefined; });
  }
  return listed;
}
