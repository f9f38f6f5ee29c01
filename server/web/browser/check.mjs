// The page in a real browser, over the real server. `node check.mjs` tests it, `node check.mjs screenshots` remakes the
// pictures of docs/page.

import { launch, run } from "./harness.mjs";
import { screenshots } from "./screenshots.mjs";
import { start, train } from "./server.mjs";
import { asks } from "./asks.mjs";
import { looks } from "./looks.mjs";

const open = await start();
const closed = await start({ ASSAY_TOKEN: "s3cret-of-the-page" });
const browser = await launch();
try {
  await train(open.url);
  if (process.argv[2] === "screenshots") await screenshots(browser, open.url);
  else process.exitCode = (await run([...asks(browser, open.url), ...looks(browser, open.url, closed.url)])) ? 1 : 0;
} finally {
  await browser.close();
  await Promise.all([open.stop(), closed.stop()]);
}
