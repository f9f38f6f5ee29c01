// The npm packages of Cohere, Hugging Face and OpenAI against the same server.
import assert from "node:assert";
import { createRequire } from "node:module";
import { CohereClientV2 } from "cohere-ai";
import { textClassification } from "@huggingface/inference";
import OpenAI from "openai";

const base = process.argv[2].replace(/\/$/, "");
const packages = createRequire(import.meta.url);
const version = (name) => {
  for (const folder of packages.resolve.paths(name)) {
    try {
      return packages(`${folder}/${name}/package.json`).version;
    } catch {}
  }
  throw new Error(`${name} is not installed`);
};
const query = "What is 12 + 30?";
const documents = ["It is 41.", "It is 42.", "It is 40."];
const raw = async (item) => {
  const body = JSON.stringify({ model: "arith-rm", items: [item] });
  const answer = await fetch(`${base}/v1/score`, { method: "POST", headers: { "Content-Type": "application/json" }, body });
  return (await answer.json()).results[0].raw;
};
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const near = (a, b) => assert.ok(Math.abs(a - b) <= 1e-12 * Math.abs(b), `${a} is not ${b}`);
const want = await Promise.all(documents.map((response) => raw({ prompt: query, response })));

const cohere = new CohereClientV2({ token: "x", environment: base, baseUrl: base });
const ranked = await cohere.rerank({ model: "rerank-v3.5", query, documents, topN: 3 });
assert.deepStrictEqual(ranked.results.map((r) => r.index), [0, 1, 2].sort((a, b) => want[b] - want[a]));
ranked.results.forEach((r) => near(r.relevanceScore, sigmoid(want[r.index])));
console.log(`cohere-ai (npm) ${version("cohere-ai")} | CohereClientV2.rerank | ok`);

const text = `${query} ${documents[1]}`;
const whole = await raw({ text });
for (const [call, parameters, value] of [["", undefined, sigmoid(whole)], [", function_to_apply none", { function_to_apply: "none" }, whole]]) {
  const classes = await textClassification({ endpointUrl: `${base}/`, inputs: text, ...(parameters && { parameters }) });
  assert.strictEqual(classes.length, 1);
  near(classes[0].score, value);
  console.log(`@huggingface/inference (npm) ${version("@huggingface/inference")} | textClassification${call} | ok`);
}

const openai = new OpenAI({ apiKey: "x", baseURL: `${base}/v1`, maxRetries: 0 });
const chat = await openai.chat.completions.create({
  model: "nvidia/reward",
  messages: [{ role: "user", content: query }, { role: "assistant", content: documents[1] }],
});
near(chat.choices[0].logprobs.content[0].logprob, want[1]);
assert.strictEqual(chat.choices[0].message.content, `reward:${want[1]}`);
console.log(`openai (npm) ${version("openai")} | chat.completions.create | ok`);
assert.strictEqual((await openai.models.retrieve("arith-rm")).id, "arith-rm");
console.log(`openai (npm) ${version("openai")} | models.retrieve | ok`);
await assert.rejects(
  openai.chat.completions.create({ model: "arith-rm", messages: [{ role: "user", content: query }] }),
  (error) => error.status === 422 && error.message.includes("must be the assistant's"),
);
console.log(`openai (npm) ${version("openai")} | refused with its sentence | ok`);
