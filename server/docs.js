"use strict";
// Lists the routes of /openapi.json, those that score first, and sends what is in a route's box. Everything is set as
// text, nothing as markup.

const examples = {
  "/v1/score": { items: [{ prompt: "12 + 30?", response: "42" }, { prompt: "12 + 30?", response: "41" }] },
  "/v1/rank": { prompt: "12 + 30?", responses: ["41", "42", "43"] },
  "/v1/compare": { prompt: "12 + 30?", responses: ["41", "42"] },
  "/v1/choose": { candidates: ["yes", "no"], items: [{ prompt: "Is 12 + 30 equal to 42?" }] },
  "/v1/steps": { items: [{ prompt: "(2 + 3) * 4?", steps: ["2 + 3 = 5. ", "5 * 4 = 21."] }] },
  "/v1/logprobs": { items: [{ prompt: "12 + 30?", response: "12 + 30 = 42\nAnswer: 42" }] },
  "/v1/embeddings": { input: ["Why is the sky blue?", "Air scatters blue light most."] },
  "/v1/jobs": '{"question": "score"}\n{"prompt": "12 + 30?", "response": "42"}\n{"prompt": "12 + 30?", "response": "41"}',
  "/v1/tokenize": { items: [{ prompt: "12 + 30?", response: "42" }] },
  "/get_reward": { query: ["rendered text"], prompts: ["rendered"], labels: [null] },
};

const at = (id) => document.getElementById(id);

function make(tag, text, ...children) {
  const node = document.createElement(tag);
  if (text) node.textContent = text;
  node.append(...children);
  return node;
}

function headers(media) {
  const token = at("token").value;
  return { ...(media && { "Content-Type": media }), ...(token && { Authorization: "Bearer " + token }) };
}

function typeOf(schema, api) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const type = [schema.type].flat().join(" or ");
  if (schema.oneOf) return schema.oneOf.map((one) => typeOf(one, api)).join(" or ");
  if (schema.items) return "list of " + typeOf(schema.items, api);
  if (schema.enum) return schema.enum.join(" | ");
  if (schema.additionalProperties && schema.additionalProperties.type) return "map to " + typeOf(schema.additionalProperties, api);
  return type || "any";
}

// fields shows the fields of a schema, and once each those of the schemas that it names.
function fields(schema, api, seen) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  const object = name ? api.components.schemas[name] : schema;
  const all = make("div");
  if (!object || !object.properties || seen.has(name)) return all;
  seen.add(name);
  const body = make("tbody");
  const inner = [];
  for (const [field, of] of Object.entries(object.properties)) {
    const required = (object.required || []).includes(field) ? " (required)" : "";
    const standard = of.default === undefined ? "" : `; default ${JSON.stringify(of.default)}`;
    body.append(make("tr", "", make("td", "", make("code", field)), make("td", typeOf(of, api) + required), make("td", (of.description || "") + standard)));
    for (const one of of.oneOf || [of]) inner.push(one.items || one);
  }
  all.append(make("h3", name || ""), make("table", "", body));
  for (const of of inner) all.append(fields(of, api, seen));
  return all;
}

// bodyOf is the media type and the schema of a body; nothing where there is none.
function bodyOf(described) {
  const [media, of] = Object.entries((described && described.content) || {})[0] || [];
  return media ? { media, schema: of.schema } : {};
}

function tryBox(method, path, media) {
  const box = make("div"), button = make("button", "Send"), took = make("span"), out = make("pre");
  const input = make("textarea", typeof examples[path] === "string" ? examples[path] : JSON.stringify(examples[path] || {}, null, 2));
  input.setAttribute("aria-label", "Body of " + path);
  input.spellcheck = false;
  input.rows = input.value.split("\n").length + 1;
  out.hidden = true;
  button.addEventListener("click", async () => {
    const start = performance.now();
    try {
      const post = method === "POST";
      const response = await fetch(path, { method, headers: headers(post && media), body: post ? input.value : undefined });
      const text = await response.text();
      took.textContent = ` ${response.status}, ${Math.round(performance.now() - start)} ms`;
      took.className = response.ok ? "good" : "bad";
      try { out.textContent = JSON.stringify(JSON.parse(text), null, 2); } catch { out.textContent = text; }
    } catch (error) {
      took.textContent = " no answer";
      took.className = "bad";
      out.textContent = String(error);
    }
    out.hidden = false;
  });
  if (method === "POST") box.append(input);
  box.append(button, took, out);
  return box;
}

function show(api) {
  at("version").textContent = api.info.version;
  at("about").textContent = api.info.description;
  const place = (path) => Object.keys(examples).indexOf(path) + 1 || Infinity;
  const paths = Object.entries(api.paths).sort(([a], [b]) => place(a) === place(b) ? 0 : place(a) - place(b));
  for (const [path, methods] of paths) {
    if (path === location.pathname) continue;
    for (const [method, op] of Object.entries(methods)) {
      const link = make("a", path), article = make("article");
      article.id = op.operationId;
      link.href = "#" + op.operationId;
      at("nav").append(link);
      const takes = bodyOf(op.requestBody), gives = bodyOf(op.responses["200"]);
      article.append(make("h2", "", make("b", method.toUpperCase()), " " + path), make("p", op.summary));
      for (const [title, schema] of [["Request", takes.schema], ["Answer", gives.schema]]) {
        if (schema) article.append(make("details", "", make("summary", title), fields(schema, api, new Set())));
      }
      article.append(tryBox(method.toUpperCase(), path, takes.media || "application/json"));
      at("routes").append(article);
    }
  }
}

async function problems() {
  const body = at("problems").tBodies[0];
  for (const p of await (await fetch("/docs/problems.json")).json()) {
    const row = make("tr", "", make("td", "", make("code", p.code)), make("td", String(p.status)), make("td", p.when), make("td", p.mend));
    row.id = p.code;
    body.append(row);
  }
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

async function status() {
  const response = await fetch("/readyz"), answer = await response.json();
  at("ready").textContent = answer.ready ? "ready" : "not ready: " + answer.detail;
  at("ready").className = answer.ready ? "good" : "bad";
  at("models").textContent = answer.models.map((m) => m.model).join(", ");
}

fetch("/openapi.json").then((r) => r.json()).then(show).then(problems).then(status);
