// The page: five views in tabs, the token, and the address, whose part behind # says which view is shown and what it
// asked: #rewards/…, #steps/…, #models, #live, #runs/NAME.

import { at } from "./dom.js";
import { catalog, get, token } from "./api.js";
import { tabs } from "./tabs.js";
import { rewards } from "./rewards.js";
import { steps } from "./steps.js";
import { models } from "./models.js";
import { live } from "./live.js";
import { runs } from "./runs.js";

const views = {
  rewards: rewards(), steps: steps(), live: live(),
  models: models((view, name) => {
    go(view, views[view].rest());
    at("tab-" + view).focus();
    views[view].choose(name);
  }),
  runs: runs((name) => go("runs", encodeURIComponent(name))),
};
const bar = tabs(at("tabs"), (name) => go(name, views[name].rest?.()));
let current;

// go leads to a view, as a link would.
function go(name, rest) {
  history.pushState(null, "", rest ? `#${name}/${rest}` : `#${name}`);
  show();
}

// show shows what the address says.
function show(again) {
  const [name, rest] = location.hash.slice(1).split(/\/(.*)/s);
  const to = bar.names.includes(name) ? name : current ?? bar.names[0];
  if (current !== to) views[current]?.hide?.();
  current = to;
  bar.select(to);
  document.title = `${at("tab-" + to).textContent} – Assay`;
  return views[to].show(to === "runs" ? decoded(rest) : rest, again);
}

function decoded(text = "") {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // the server says that it knows no such run
  }
}

addEventListener("popstate", () => show());

at("skip").addEventListener("click", (event) => {
  event.preventDefault();
  at("main").focus();
});

document.addEventListener("unauthorized", () => {
  if (!at("token-why").hidden) return;
  at("token-why").hidden = false;
  at("token").focus();
});

at("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  token.set(at("token").value.trim());
  at("token-why").hidden = true;
  await catalog(true).catch(() => {}); // the view tells what is wrong
  show(true);
});
at("token").value = token.get();

// ready says whether the models score.
async function ready() {
  const place = at("ready");
  try {
    const told = await get("readyz");
    place.textContent = `ready, ${told.models.length} models`;
    place.className = "ready yes";
  } catch (problem) {
    place.textContent = `not ready: ${problem.detail ?? problem.message}`;
    place.className = "ready no";
  }
}

ready();
show();
