// Starts the real server on a free port, and asks it what a trainer would ask, so that there is something to see.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export const second = "qwen3-reward-packed"; // a model beside the embedded one, of random weights
export const labelled = "steerlm"; // and one of several labels
export const recipe = "outcome-and-process";

// start gives the address of a server with two embedded models, some further ones and a recipe, and stop, which ends it
// and waits until it has ended.
export async function start(environment = {}) {
  const args = ["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--batch-tokens", "1024", "--bundle", "builtin:arith-implicit",
    "--bundle", `models/testdata/bundles/${second}`, "--bundle", `models/testdata/families/${labelled}`, "--recipe", `server/web/browser/${recipe}.yaml`];
  const child = spawn("bin/assay", args, { cwd: root, env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  let said = "";
  child.stderr.on("data", (text) => { said = (said + text).slice(-4000); });
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const found = line.match(/^assay is ready on (http:\S+)/);
      if (found) resolve(found[1]);
    });
    ended.then((code) => reject(new Error(`the server ended with ${code}: ${said}`)));
  });
  return { url, stop: () => (child.kill("SIGTERM"), ended) };
}

// ask gives the JSON of an answer, whatever its status.
export async function ask(url, path, body, headers = {}) {
  const response = await fetch(url + path, body && { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });
  return response.json();
}

// train asks for rewards as two training runs would: sums, of which more and more responses are right.
export async function train(url) {
  let seed = 7;
  const below = (n) => (seed = (seed * 48271) % 2147483647) % n; // always the same numbers
  const groups = 80, size = 8;
  for (let group = 0; group < groups; group++) {
    const a = 10 + below(60), b = 10 + below(60);
    const responses = Array.from({ length: size }, (_, i) => {
      if (group % 20 === 3 && i === 5) return ""; // a rollout that came to nothing
      const sum = a + b + (below(groups) < group ? 0 : 1 + below(9));
      return `${a} + ${b} = ${sum}\nThe answer is ${sum}.`;
    });
    await ask(url, "/v1/rank", { model: recipe, prompt: `What is ${a} + ${b}?`, responses, separator: "\n", on_error: "item" }, { "X-Assay-Run": "grpo-arith-seed7" });
    if (group % 10 === 0) {
      const items = responses.filter(Boolean).map((response) => ({ prompt: `What is ${a} + ${b}?`, response, separator: "\n" }));
      await ask(url, "/v1/steps", { model: "arith-prm", items }, { "X-Assay-Run": "prm-check" });
    }
  }
}
