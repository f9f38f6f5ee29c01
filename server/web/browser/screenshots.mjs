// Makes the pictures of docs/PAGE.md: docs/page/*.png.

import { fileURLToPath } from "node:url";
import { open, said } from "./harness.mjs";
import { ask, labelled, recipe } from "./server.mjs";

const folder = fileURLToPath(new URL("../../../docs/page/", import.meta.url));
const loadSeconds = 40;

// picture saves what stands in the window, or the whole page, which a phone shows by scrolling.
async function picture(page, name, fullPage = false) {
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({ path: `${folder}${name}.png`, fullPage, animations: "disabled" });
  console.log(`docs/page/${name}.png`);
}

async function beside(page, form, model, other) {
  await said(page, form, /prefers|first error/);
  await page.selectOption(`#${form}-model`, model);
  await page.selectOption(`#${form}-beside`, other);
  await page.click(`#${form}-form button:has-text("Ask")`);
  await said(page, form, new RegExp(other));
}

// load asks for rewards in waves, so that the lines of the live view have something to say.
async function load(url, until) {
  for (let i = 0; Date.now() < until; i++) {
    const size = 1 + Math.round(24 * (1 + Math.sin(i / 40)));
    const responses = Array.from({ length: size }, (_, j) => `${i} + ${j} = ${i + j + (j % 3)}\nThe answer is ${i + j + (j % 3)}.`);
    await ask(url, "/v1/rank", { model: i % 4 ? "arith-rm" : recipe, prompt: `What is ${i} + the number?`, responses, ...(i % 4 ? {} : { separator: "\n" }) });
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

export async function screenshots(browser, url) {
  const rewards = await open(browser, url);
  await beside(rewards.page, "rewards", recipe, labelled);
  await picture(rewards.page, "rewards", true);
  await rewards.check();

  const dark = await open(browser, url, { scheme: "dark" });
  await beside(dark.page, "rewards", "arith-rm", recipe);
  await picture(dark.page, "rewards-dark");
  await dark.check();

  const steps = await open(browser, `${url}#steps`);
  await beside(steps.page, "steps", "arith-prm", "arith-implicit");
  await picture(steps.page, "steps");
  await steps.check();

  for (const [view, text] of [["models", recipe], ["runs", "components.outcome"]]) {
    const one = await open(browser, `${url}#${view}`);
    await one.page.waitForFunction(([view, text]) => document.getElementById("view-" + view).textContent.includes(text), [view, text]);
    await picture(one.page, view, view === "runs");
    await one.check();
  }

  const live = await open(browser, `${url}#live`);
  await load(url, Date.now() + 1000 * loadSeconds);
  await picture(live.page, "live");
  await live.check();

  const phone = await open(browser, url, { size: "phone" });
  await said(phone.page, "rewards", /prefers/);
  await picture(phone.page, "rewards-phone", true);
  await phone.page.click("#tab-steps");
  await said(phone.page, "steps", /first error/);
  await phone.page.emulateMedia({ colorScheme: "dark" });
  await picture(phone.page, "steps-phone", true);
  await phone.check();
}
