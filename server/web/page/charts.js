// Small drawings of numbers, each beside the numbers themselves, so that they are hidden from who hears the page.

import { draw } from "./dom.js";

const fewest = 30; // points that a line has room for

// spark draws a line of the last values; a null is a gap in it.
export function spark(values) {
  const wide = 120, high = 28, top = Math.max(...values.filter((x) => x !== null), 1e-9), room = Math.max(values.length, fewest);
  const point = (i) => `${((wide * (i + room - values.length)) / (room - 1)).toFixed(1)} ${(high - 2 - ((high - 4) * values[i]) / top).toFixed(1)}`;
  let path = "", open = false;
  for (const [i, value] of values.entries()) {
    if (value !== null) path += open ? "L" + point(i) : `M${point(i)}h.5`;
    open = value !== null;
  }
  return draw("svg", { class: "spark", viewBox: `0 0 ${wide} ${high}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    draw("line", { class: "base", x1: 0, x2: wide, y1: high - 2, y2: high - 2 }), draw("path", { d: path }));
}

const parts = { p01: 0.01, p05: 0.04, p25: 0.2, p50: 0.25, p75: 0.25, p95: 0.2, p99: 0.04, max: 0.01 }; // of all numbers, up to each quantile

// spread draws how a component is spread: between two quantiles a block whose area is the share of the numbers there,
// the median, and under them where the mean went from the first window to the last.
export function spread(of) {
  const wide = 480, high = 64, span = of.max - of.min || 1;
  const x = (v) => 6 + ((wide - 12) * (v - of.min)) / span;
  let from = of.min;
  const blocks = Object.entries(parts).map(([name, part]) => {
    const to = name === "max" ? of.max : of.quantiles[name], block = { x: x(from), width: Math.max(x(to) - x(from), 2) };
    from = to;
    return { ...block, dense: part / block.width };
  });
  const densest = Math.max(...blocks.map((one) => one.dense)), drifts = of.last.mean !== null && of.first.mean !== null;
  return draw("svg", { class: "spread", viewBox: `0 0 ${wide} ${high + 14}`, "aria-hidden": "true" },
    blocks.map(({ x, width, dense }) => draw("rect", { x, width, y: high * (1 - dense / densest), height: Math.max((high * dense) / densest, 0.75) })),
    draw("line", { class: "median", x1: x(of.quantiles.p50), x2: x(of.quantiles.p50), y1: 0, y2: high }),
    drifts && draw("g", { class: "drift" }, draw("line", { x1: x(of.first.mean), x2: x(of.last.mean), y1: high + 8, y2: high + 8 }),
      draw("circle", { cx: x(of.first.mean), cy: high + 8, r: 3 }), draw("circle", { cx: x(of.last.mean), cy: high + 8, r: 4, class: "last" })));
}
