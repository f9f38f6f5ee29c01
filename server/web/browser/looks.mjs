// The views that ask nothing of a form, the keyboard, the token, and what axe says of everything.

import assert from "node:assert/strict";
import { accessible, open, said, sizes, values } from "./harness.mjs";
import { ask, labelled, recipe } from "./server.mjs";

const run = "grpo-arith-seed7";
const focused = (page) => page.evaluate(() => document.activeElement.id || document.activeElement.textContent);

// shown waits until a view is there and says something.
const shown = (page, view, text) => page.waitForFunction(([view, text]) => {
  const panel = document.getElementById("view-" + view);
  return !panel.hidden && panel.textContent.includes(text);
}, [view, text]);

// see leads to every view in turn, and calls look when it is there.
async function see(page, look) {
  await said(page, "rewards", /prefers/);
  await page.selectOption("#rewards-model", recipe);
  await page.selectOption("#rewards-beside", labelled);
  await page.click("#rewards-options summary");
  await page.click('#rewards-form button:has-text("Ask")');
  await said(page, "rewards", /They order/);
  await look("rewards");
  await page.click("#tab-steps");
  await said(page, "steps", /first error/);
  await page.selectOption("#steps-beside", "arith-implicit");
  await page.click('#steps-form button:has-text("Ask")');
  await said(page, "steps", /arith-implicit/);
  await look("steps");
  for (const [view, text] of [["models", recipe], ["live", "Since the start"], ["runs", "components.outcome"]]) {
    await page.click("#tab-" + view);
    await shown(page, view, text);
    await look(view);
  }
}

export const looks = (browser, url, closed) => [
  ["models and recipes, with their limits, and a way to ask each", async () => {
    const { page, check } = await open(browser, `${url}#models`);
    await shown(page, "models", recipe);
    const { models } = await ask(url, "/v1/models"), { recipes } = await ask(url, "/v1/recipes");
    assert.deepEqual(await page.locator("#view-models h3").allTextContents(), [...models, ...recipes].map((one) => one.name));
    const cards = await page.locator("#view-models .card").allTextContents();
    for (const [i, model] of models.entries()) {
      const plain = cards[i].replaceAll("\u202f", "");
      for (const part of [`${model.max_tokens} tokens`, `${model.budget.items} items`, model.precision, model.description, ...model.answers]) assert.ok(plain.includes(part), `${model.name} lacks ${part}`);
    }
    for (const [i, of] of recipes.entries()) assert.ok(cards[models.length + i].includes(of.score) && cards[models.length + i].includes("0 … 100"));
    await page.click(`button[aria-label="Ask for steps: arith-prm"]`);
    await said(page, "steps", /arith-prm sees the first error/);
    await page.goBack();
    await shown(page, "models", recipe);
    await check();
  }],

  ["live: what the metrics say, every two seconds, and only while somebody looks", async () => {
    const { page, check, context } = await open(browser, `${url}#runs`);
    await page.clock.install();
    let scrapes = 0;
    context.on("request", (request) => { scrapes += request.url().endsWith("/metrics"); });
    await page.click("#tab-live");
    await shown(page, "live", "Since the start");
    const items = Array.from({ length: 24 }, (_, i) => ({ prompt: `What is ${i} + 1?`, response: `It is ${i + 1}, for the page at ${Date.now()}.` }));
    const measure = (name) => values(page, `#view-live .now:has(h3:text-is("arith-rm")) div:has(dt:text-is("${name}")) data`);
    const before = (await (await fetch(url + "/metrics")).text()).match(/assay_run_items_total\{model="arith-rm"\} (\d+)/)[1];
    await ask(url, "/v1/score", { model: "arith-rm", items });
    const after = (await (await fetch(url + "/metrics")).text()).match(/assay_run_items_total\{model="arith-rm"\} (\d+)/)[1];
    assert.equal(after - before, items.length);
    await page.clock.runFor(2000);
    await page.waitForFunction(() => document.querySelector("#view-live .now .spark path[d*=M]"));
    await page.waitForFunction(() => [...document.querySelectorAll("#view-live .now")].some((one) => Number(one.querySelector("div:nth-child(4) data").value) > 0));
    assert.ok((await measure("Batch"))[0] >= 1 && (await measure("Computed"))[0] > 0, "no batch, nothing computed");
    assert.equal(await page.$eval('#view-live table:has(caption:text-is("Forwards")) tr:has(th:text-is("arith-rm")) td:nth-child(4)', (cell) => cell.textContent.replaceAll("\u202f", "")), after);
    await page.click('#view-live button:has-text("Pause")');
    const seen = scrapes;
    await page.clock.runFor(60000);
    assert.equal(scrapes, seen, "it is scraped while it is paused");
    await page.click('#view-live button:has-text("Pause")');
    await page.click("#tab-models");
    await shown(page, "models", recipe);
    const left = scrapes;
    await page.clock.runFor(60000);
    assert.equal(scrapes, left, "it is scraped while another view is shown");
    await check();
  }],

  ["runs: the numbers of a run are the API's own, and a link leads to it", async () => {
    const { page, check } = await open(browser, `${url}#runs`);
    await shown(page, "runs", "prm-check");
    await page.click(`button.text:has-text("${run}")`);
    await shown(page, "runs", "components.outcome");
    assert.ok(page.url().endsWith(`#runs/${run}`));
    const told = await ask(url, "/v1/runs/" + run), score = told.components[0];
    const data = await values(page, "#view-runs .card:has(h4) >> nth=0 >> data");
    assert.deepEqual(data.slice(0, 11), [score.min, ...Object.values(score.quantiles), score.max, score.mean, score.deviation]);
    assert.ok((await page.textContent("#view-runs")).includes(`Failed items${told.failures.count}`));
    assert.ok(Math.abs(score.drift) > 0.5 && data.includes(score.drift), "the run does not drift, or does not show it");
    assert.ok((await page.locator("#view-runs .spread rect").count()) >= 8);
    await check();
    const gone = await open(browser, `${url}#runs/no-such-run`, { expects: [404] });
    await shown(gone.page, "runs", "unknown_run");
    await gone.page.click('button:has-text("All runs")');
    await shown(gone.page, "runs", run);
    await gone.check();
  }],

  ["with the keyboard alone", async () => {
    const { page, check } = await open(browser, url);
    await said(page, "rewards", /prefers A/);
    const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
    await press("Tab");
    assert.equal(await focused(page), "skip");
    await press("Enter");
    assert.equal(await focused(page), "main");
    await press("Tab");
    assert.equal(await focused(page), "rewards-model");
    await page.focus("#tab-rewards");
    await press("ArrowRight");
    assert.equal(await focused(page), "tab-steps");
    assert.equal(await page.getAttribute("#tab-steps", "aria-selected"), "true");
    await press("End");
    assert.equal(await focused(page), "tab-runs");
    await press("ArrowRight", "ArrowLeft", "Home");
    assert.equal(await focused(page), "tab-rewards");
    await press("Tab");
    const order = [];
    while ((await focused(page)) !== "rewards-prompt" && order.length < 12) {
      order.push(await focused(page));
      await press("Tab");
    }
    assert.ok(order.length < 12, `from the tabs to the prompt: ${order}`);
    await press("Control+a");
    await page.keyboard.type("What is 60 + 21?");
    await press("Tab", "Control+a");
    await page.keyboard.type("It is 91.");
    await press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Remove response A");
    await press("Tab", "Control+a");
    await page.keyboard.type("60 + 21 = 81\nThe answer is 81.");
    await press("Control+Enter");
    await said(page, "rewards", /arith-rm prefers B/);
    await press("Tab", "Enter"); // removes B
    assert.equal(await page.locator("#responses li").count(), 3);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
    const outline = await page.evaluate(() => { document.getElementById("add").focus(); return getComputedStyle(document.activeElement).outlineStyle; });
    assert.equal(outline, "solid");
    await check();
  }],

  ["a server with a token: it is asked for, kept for the tab, and in no link", async () => {
    const { page, check, context } = await open(browser, closed, { expects: [401] });
    await page.waitForFunction(() => document.activeElement.id === "token");
    assert.ok(await page.isVisible("#token-why"));
    await shown(page, "rewards", "unauthorized");
    await accessible(page, "without a token");
    await page.keyboard.type("wrong");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.getElementById("token").matches(":focus") && !document.getElementById("token-why").hidden);
    await page.fill("#token", "s3cret-of-the-page");
    await page.keyboard.press("Enter");
    await said(page, "rewards", /arith-rm prefers A/);
    assert.ok(!(await page.isVisible("#token-why")));
    assert.ok(!page.url().includes("s3cret"));
    await page.click("#tab-live");
    await shown(page, "live", "Since the start");
    await page.click("#tab-rewards");
    await page.reload();
    await said(page, "rewards", /arith-rm prefers A/);
    const stored = await context.storageState();
    assert.deepEqual([stored.cookies, stored.origins.flatMap((one) => one.localStorage)], [[], []]);
    const other = await context.newPage();
    await other.goto(page.url());
    await other.waitForFunction(() => document.activeElement.id === "token");
    await check();
  }],

  ...["light", "dark"].flatMap((scheme) => Object.keys(sizes).map((size) => [`axe finds nothing, and nothing is cut off: ${size}, ${scheme}`, async () => {
    const { page, check } = await open(browser, url, { size, scheme });
    await see(page, async (view) => {
      await accessible(page, `${view}, ${size}, ${scheme}`);
      const [needs, has] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(needs <= has, `${view} is ${needs} pixels wide, and the window ${has}`);
    });
    await check();
  }])),

  ["the page of the routes keeps to the same policy", async () => {
    const { page, check } = await open(browser, `${url}/docs`);
    await page.waitForSelector("#v1-score");
    await page.fill("#v1-score textarea", JSON.stringify({ model: "arith-rm", items: [{ prompt: "12 + 30?", response: "42" }] }));
    await page.click("#v1-score button");
    await page.waitForFunction(() => document.querySelector("#v1-score pre").textContent.includes('"results"'));
    await page.waitForFunction(() => document.getElementById("ready").textContent === "ready");
    await check();
  }],

  ["axe finds what is planted", async () => {
    const { page, check } = await open(browser, url);
    await said(page, "rewards", /prefers A/);
    await page.evaluate(() => {
      document.querySelector("label[for=rewards-prompt]").remove();
      document.querySelector("#rewards-said").style.color = "#ccc";
    });
    await assert.rejects(accessible(page, "planted"), (error) => error.actual.some((one) => one.includes("color-contrast")) && error.actual.some((one) => one.includes("label: #rewards-prompt")));
    await check();
  }],

  ["nothing scrolls sideways at 360 and 320 pixels, nor with text twice as large", async () => {
    for (const [width, zoom] of [[360, 1], [320, 1], [640, 2]]) {
      const { page, check } = await open(browser, url);
      await page.setViewportSize({ width, height: 740 });
      if (zoom > 1) await page.evaluate((zoom) => { document.documentElement.style.fontSize = `${15 * zoom}px`; }, zoom);
      await see(page, async (view) => {
        const needs = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(needs <= width, `${view} is ${needs} pixels wide at ${width}`);
      });
      await check();
    }
  }],
];
