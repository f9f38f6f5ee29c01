// What the page asks and shows, held to the server's own answers, fetched apart.

import assert from "node:assert/strict";
import { accessible, open, said, values } from "./harness.mjs";
import { ask, labelled, recipe, second } from "./server.mjs";

const prompt = "What is 17 + 25 - 9?";
const responses = ["17 + 25 = 42\n42 - 9 = 33\nThe answer is 33.", "17 + 25 = 42\n42 - 9 = 34\nThe answer is 34.", "The answer is 33."];

// fill writes a prompt and responses into the form of rewards, and chooses models.
async function fill(page, models, texts = responses, about = prompt) {
  await page.selectOption("#rewards-model", models[0]);
  await page.selectOption("#rewards-beside", models[1] ?? "");
  await page.fill("#rewards-prompt", about);
  while ((await page.locator("#responses li").count()) > texts.length) await page.click("#responses li:last-child button");
  while ((await page.locator("#responses li").count()) < texts.length) await page.click("#add");
  for (const [i, text] of texts.entries()) await page.fill(`#responses li:nth-child(${i + 1}) textarea`, text);
}

// send asks, and waits until each model's card has its answer or its problem.
async function send(page, form = "rewards") {
  await page.evaluate((form) => { document.getElementById(`${form}-said`).textContent = ""; }, form);
  await page.click(`#${form}-form button:has-text("Ask")`);
  await said(page, form, /^(?!Asking…$).+/);
}

const card = (name) => `#rewards-answers .card:has(h3:text-is("${name}"))`;

export const asks = (browser, url) => [
  ["opened, the page asks its example", async () => {
    const { page, check } = await open(browser, url);
    await said(page, "rewards", /arith-rm prefers A, with 2\.68/);
    assert.equal(await page.locator("#rewards-answers .scores tbody tr").count(), 4);
    await check();
  }],

  ["two models side by side: scores, advantages and preferences are the API's own", async () => {
    const { page, check } = await open(browser, url);
    await fill(page, ["arith-rm", labelled]);
    await send(page);
    for (const name of ["arith-rm", labelled]) {
      const ranked = await ask(url, "/v1/rank", { model: name, prompt, responses, statistics: true });
      assert.deepEqual(await values(page, `${card(name)} .score data`), ranked.responses.map((one) => one.score));
      assert.deepEqual(await values(page, `${card(name)} .scores td:nth-child(4) data`), ranked.statistics.leave_one_out);
      assert.deepEqual(await values(page, `${card(name)} .scores td:nth-child(5) data`), ranked.statistics.normalized);
      assert.deepEqual(await page.$$eval(`${card(name)} .scores .best .letter`, (all) => all.map((one) => one.textContent)), ["ABC"[ranked.best]]);
      const compared = await ask(url, "/v1/compare", { model: name, prompt, responses, aggregate: ["elo"] });
      const shown = await values(page, `${card(name)} .heat td.cell data`);
      assert.deepEqual(shown, compared.preference.flat());
      const n = responses.length;
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) assert.equal(shown[i * n + j] + shown[j * n + i], 1, `${name}: p[${i}][${j}] + p[${j}][${i}]`);
      assert.deepEqual(await values(page, `${card(name)} .figures tr:has(th:text-is("Elo")) data`), compared.aggregates.elo.values);
      assert.equal(await page.getAttribute(`${card(name)} .about .digest`, "value"), ranked.digest);
    }
    const labels = (await ask(url, "/v1/models")).models.find((one) => one.name === labelled).labels;
    const shown = await page.$$eval(`${card(labelled)} .components tbody th[scope=row]`, (all) => all.map((one) => one.textContent));
    assert.deepEqual(shown.toSorted(), labels.toSorted());
    assert.match(await page.textContent("#rewards-said"), /They order \d of 3 pairs alike\./);
    await check();
  }],

  ["a recipe: its readings, its values, and a parameter", async () => {
    const { page, check } = await open(browser, url, { expects: [422] });
    await fill(page, [recipe]);
    await page.click("#rewards-options summary");
    await page.fill(`[data-option="${recipe}/weight"]`, "2.5");
    await send(page);
    const ranked = await ask(url, "/v1/rank", { model: recipe, prompt, responses, separator: "\n", params: { weight: 2.5 } });
    assert.deepEqual(await values(page, ".score data"), ranked.responses.map((one) => one.score));
    const row = (name) => values(page, `.components tr:has(th:text-is("${name}")) data`);
    assert.deepEqual(await row("outcome (arith-rm)"), ranked.responses.map((one) => one.components.outcome.score));
    assert.deepEqual(await row("process (arith-prm)"), ranked.responses.flatMap((one) => one.components.process.steps));
    assert.deepEqual(await row("least"), ranked.responses.map((one) => one.values.least));
    await page.fill(`[data-option="${recipe}/weight"]`, "1000");
    await send(page);
    const refused = await ask(url, "/v1/rank", { model: recipe, prompt, responses, separator: "\n", params: { weight: 1000 } });
    assert.ok((await page.textContent(card(recipe))).includes(refused.detail), refused.detail);
    await check();
  }],

  ["errors: an item's stands where its score would be, a request's has code, detail and id", async () => {
    const { page, check } = await open(browser, url, { expects: [422] });
    const texts = [responses[0], "", "12 + 30 = 42\n".repeat(200)];
    await fill(page, ["arith-rm", second], texts);
    await send(page);
    const ranked = await ask(url, "/v1/rank", { model: "arith-rm", prompt, responses: texts });
    assert.equal(ranked.responses[2].error.code, "too_long");
    for (const [i, one] of ranked.responses.entries()) {
      const text = await page.textContent(`${card("arith-rm")} .scores tbody tr:nth-child(${i + 1})`);
      if (one.error) assert.ok(text.includes(one.error.detail) && text.includes(one.error.code), `${text} lacks ${one.error.detail}`);
    }
    await accessible(page, "errors of items");
    await page.click("#rewards-options summary");
    await page.selectOption("#activation", "softmax");
    await send(page);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await accessible(page, `an error of a request, ${colorScheme}`);
    }
    const [detail, code, id] = [await page.textContent(`${card("arith-rm")} .problem`), ...(await page.locator(`${card("arith-rm")} .problem code`).allTextContents())];
    const refused = await ask(url, "/v1/rank", { model: "arith-rm", prompt, responses: texts, activation: "softmax" });
    assert.ok(detail.includes(refused.detail) && detail.includes(refused.title), detail);
    assert.equal(code, "bad_activation");
    assert.match(id, /^[\w.:-]{8,80}$/);
    assert.ok((await page.textContent("#rewards-said")).includes(refused.detail));
    await check();
  }],

  ["steps: each part of the text has its score, and the first error is marked", async () => {
    const { page, check } = await open(browser, `${url}#steps`, { expects: [422] });
    await said(page, "steps", /first error in step 2 of 3/);
    const response = "17 + 25 = 42 \u{1F642}\n42 - 9 = 34\nThe answer is 34."; // characters are not UTF-16's
    await page.fill("#steps-response", response);
    await page.selectOption("#steps-beside", "arith-implicit");
    await send(page, "steps");
    for (const model of ["arith-prm", "arith-implicit"]) {
      const [one] = (await ask(url, "/v1/steps", { model, items: [{ prompt, response, separator: "\n" }] })).results;
      const place = `#steps-answers .card:has(h3:text-is("${model}"))`;
      assert.deepEqual(await values(page, `${place} .gauge data`), one.steps.map((step) => step.score));
      assert.deepEqual(await page.locator(`${place} .text`).allTextContents(), response.split("\n"));
      assert.deepEqual(await page.$$eval(`${place} .painted li`, (all) => all.map((item) => item.textContent.includes("First error"))), one.steps.map((_, i) => i === one.first_error));
    }
    await page.fill("#threshold", "-1000");
    await send(page, "steps");
    assert.match(await page.textContent("#steps-said"), /arith-prm sees no error in 3 steps\. arith-implicit sees no error/);
    await page.fill("#threshold", "half");
    await send(page, "steps");
    assert.match(await page.textContent("#steps-said"), /threshold/);
    await check();
  }],

  ["a link reproduces what is seen, and says where a model is another version", async () => {
    const first = await open(browser, url, { permissions: ["clipboard-read", "clipboard-write"] });
    await fill(first.page, ["arith-rm", recipe], ["It is 33. \u00e9\u4e2d\u{1F642}", "It is 34."], "17 + 25 - 9 = \u201c?\u201d");
    await first.page.click("#rewards-options summary");
    await first.page.fill(`[data-option="${recipe}/weight"]`, "1.5");
    await send(first.page);
    await first.page.click("#rewards-copy");
    await said(first.page, "rewards", /copied/);
    const link = await first.page.evaluate(() => navigator.clipboard.readText());
    const seen = (page) => page.$$eval("#rewards-answers data:not(.digest)", (all) => all.map((one) => one.value));
    const wanted = await seen(first.page), form = await first.page.$$eval("#rewards-form textarea, #rewards-form select, #rewards-form input", (all) => all.map((one) => one.value));
    await first.check();

    const again = await open(browser, link);
    await said(again.page, "rewards", /prefers/);
    assert.deepEqual(await seen(again.page), wanted);
    assert.deepEqual((await again.page.$$eval("#rewards-form textarea, #rewards-form select, #rewards-form input", (all) => all.map((one) => one.value))).filter((value) => !value.startsWith("http")), form.filter((value) => !value.startsWith("http")));
    assert.equal(await again.page.locator(".card .problem").count(), 0);
    await again.page.evaluate(() => Object.defineProperty(navigator, "clipboard", { value: undefined })); // as on addresses without TLS
    await again.page.click("#rewards-copy");
    await said(again.page, "rewards", /selected/);
    assert.equal(await again.page.inputValue("#rewards-link"), link);
    assert.equal(await again.page.evaluate(() => getSelection().toString()), link);
    const older = await again.page.evaluate(async () => {
      const link = await import("/web/link.js");
      const state = await link.unpack(location.hash.split("/")[1]);
      return "#rewards/" + await link.pack({ ...state, d: { "arith-rm": "sha256:" + "0".repeat(64) } });
    });
    await again.check();

    const other = await open(browser, url + older);
    await said(other.page, "rewards", /prefers/);
    assert.match(await other.page.textContent(`${card("arith-rm")} .problem`), /another version.*000000000000/);
    await other.check();
  }],

  ["links that are damaged, too long, or of a model that is not served say so", async () => {
    const damaged = await open(browser, `${url}#rewards/not-a-link`);
    await said(damaged.page, "rewards", /The link is damaged/);
    const bomb = await damaged.page.evaluate(async () => (await import("/web/link.js")).pack({ m: [], p: "0".repeat(4e6), r: [] }));
    const gone = await damaged.page.evaluate(async () => (await import("/web/link.js")).pack({ m: ["no-such-model"], p: "p", r: ["r"] }));
    await damaged.check();
    for (const [hash, pattern] of [[bomb, /more than 1048576 bytes/], [gone, /asks no-such-model, which this server does not serve/], ["A".repeat(40000), /32768 is the limit/]]) {
      const { page, check } = await open(browser, `${url}#rewards/${hash}`);
      await said(page, "rewards", pattern);
      await check();
    }
    const { page, check } = await open(browser, url);
    let seed = 1;
    const noise = Array.from({ length: 60000 }, () => String.fromCharCode(33 + ((seed = (seed * 48271) % 2147483647) % 94))).join("");
    await fill(page, ["arith-rm"], ["It is 33.", noise]);
    await send(page);
    assert.match(await page.textContent("#rewards-said"), /The link would have \d+ characters, and 32768 is the limit/);
    assert.ok(await page.isDisabled("#rewards-copy"));
    assert.equal(new URL(page.url()).hash, "#rewards");
    await check();
  }],
];
