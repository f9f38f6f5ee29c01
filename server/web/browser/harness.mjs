// One browser, its pages, and what every page is held to: no error on its console, nothing loaded from elsewhere, no
// scrolling sideways, and nothing that axe finds.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

export const sizes = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };

const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

// launch starts Debian's Chromium. Its sandbox needs namespaces that containers seldom have; it sees our own page
// alone. Letters are smoothed in grey, so that pictures have few colours.
export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-lcd-text"] });

// open gives a page at an address of the server, in a context of its own; and check, which says what was wrong on it.
// The errors that a test expects, of answers that are no success, it names by their status.
export async function open(browser, url, { size = "desktop", scheme = "light", expects = [], permissions = [], ...more } = {}) {
  const context = await browser.newContext({ viewport: sizes[size], colorScheme: scheme, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", permissions, ...more });
  const page = await context.newPage();
  const wrong = [], home = new URL(url).origin;
  page.setDefaultTimeout(60000); // of a machine that does much else
  page.on("console", (message) => {
    const text = message.text();
    if (!["error", "warning"].includes(message.type()) || expects.some((status) => text.includes(`status of ${status}`))) return;
    wrong.push(`console: ${text}`);
  });
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  context.on("request", (request) => {
    if (!request.url().startsWith(home + "/") && !request.url().startsWith("data:")) wrong.push(`loads ${request.url()}`);
  });
  await page.goto(url);
  const check = async () => {
    const [needs, has] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(needs <= has, `the page is ${needs} pixels wide, and the window ${has}`);
    assert.deepEqual(wrong, []);
    await context.close();
  };
  return { page, check, context };
}

// accessible holds the page, as it stands, to all rules of axe.
export async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations", "passes"] }));
  const found = violations.flatMap((rule) => rule.nodes.map((node) => `${where}: ${rule.id}: ${node.target}: ${node.failureSummary}`));
  assert.deepEqual(found, []);
  assert.ok(passes.some((rule) => rule.id === "color-contrast"), `${where}: axe looked at no contrast`);
}

// said waits until the status of a form says something.
export const said = (page, form, pattern) =>
  page.waitForFunction(([form, source]) => new RegExp(source).test(document.getElementById(`${form}-said`).textContent), [form, pattern.source]);

// values gives the numbers of the elements of a selector, whole.
export const values = (page, selector) => page.$$eval(selector, (all) => all.map((one) => Number(one.value)));

// Tests run one after the other; each is told, and all are run whatever fails.
export async function run(tests) {
  let failed = 0;
  for (const [name, test] of tests) {
    try {
      await test();
      console.log(`ok    ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll("\n", "\n      ")}`);
    }
  }
  console.log(`${tests.length - failed} passed, ${failed} failed`);
  return failed;
}
