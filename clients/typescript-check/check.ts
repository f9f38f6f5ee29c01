// Asks a server through a client that openapi-fetch types by the generated schema. It prints one line of JSON, which check.sh's caller reads.
import createClient from "openapi-fetch";
import type { components, paths } from "./made/schema.js";

declare const process: { env: Record<string, string | undefined> };

const client = createClient<paths>({ baseUrl: process.env["ASSAY_URL"] ?? "http://127.0.0.1:8080" });

const scored = await client.POST("/v1/score", {
  body: { model: "arith-rm", activation: "none", items: [{ prompt: "12 + 30?", response: "42" }, { prompt: "12 + 30?" }] },
});
if (scored.error) throw new Error(scored.error.detail);
const results: components["schemas"]["ScoreResult"][] = scored.data.results;
const ranked = await client.POST("/v1/rank", { body: { model: "arith-rm", prompt: "12 + 30?", responses: ["41", "42"] } });
const refused = await client.POST("/v1/score", { body: { model: "nobody", items: [{ text: "x" }] } });
const models = await client.GET("/v1/models");
const unknown = await client.GET("/v1/runs/{run}", { params: { path: { run: "never" } } });

// What the types must refuse: an activation that is none, and a request without items.
// @ts-expect-error
const wrongWord: components["schemas"]["ScoreRequest"] = { items: [], activation: "relu" };
// @ts-expect-error
const without: components["schemas"]["ScoreRequest"] = { model: "arith-rm" };
void wrongWord, without;

const told = {
  score: results[0]?.score,
  failed: results[1]?.error?.code,
  best: ranked.data?.best,
  refused: refused.error?.code,
  models: models.data?.models.map((one) => one.name),
  unknown: unknown.error?.code,
};
console.log(JSON.stringify(told));
