// OpenAI's client of npm: embeddings, which it always asks for in base64, and vLLM's bodies.
import OpenAI from "openai";
import { readFileSync } from "node:fs";

const base = process.argv[2].replace(/\/$/, "");
const { version } = JSON.parse(readFileSync(new URL("./node_modules/openai/package.json", import.meta.url)));
const name = `openai (npm) ${version}`;
const texts = ["12 + 30 = 42", "12 + 30 = 41"];

const answer = await fetch(`${base}/v1/score`, {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ model: "arith-rm", items: texts.map((text) => ({ text })) }),
});
const want = (await answer.json()).results.map((result) => result.raw);

function same(got, expected, call) {
  if (JSON.stringify(got) !== JSON.stringify(expected)) {
    throw new Error(`${call}: ${JSON.stringify(got)}, want ${JSON.stringify(expected)}`);
  }
  console.log(`${name} | ${call} | ok`);
}

const client = new OpenAI({ baseURL: `${base}/v1`, apiKey: "x", maxRetries: 0 });
const vectors = await client.embeddings.create({ model: "arith-rm", input: texts });
same(vectors.data.map((one) => one.embedding), want.map((x) => [Math.fround(x)]), "embeddings.create");

const bare = new OpenAI({ baseURL: base, apiKey: "x", maxRetries: 0 });
const pooled = await bare.post("/pooling", { body: { model: "arith-rm", input: texts } });
same(pooled.data.map((one) => one.data), want.map((x) => [x]), "post /pooling");
