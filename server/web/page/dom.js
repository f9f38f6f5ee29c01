// Makes elements and writes numbers. Everything is set as text, nothing as markup.

const vectors = "http://www.w3.org/2000/svg";

export const at = (id) => document.getElementById(id);

// make gives an element of HTML with attributes, handlers of events, custom properties of its style, and children.
export const make = (tag, props, ...children) => dress(document.createElement(tag), props, children);

// draw gives an element of SVG.
export const draw = (tag, props, ...children) => dress(document.createElementNS(vectors, tag), props, children);

function dress(node, props, children) {
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("--")) node.style.setProperty(name, value);
    else if (typeof value === "function") node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

export const code = (text) => make("code", {}, text);

// small gives a remark beside what it is about.
export const small = (...children) => make("span", { class: "small" }, ...children);

// button gives a button that does something on the page, and sends no form.
export const button = (text, click, props) => make("button", { type: "button", class: "plain", click, ...props }, text);

// fill puts children in the place of what an element had.
export const fill = (node, ...children) => node.replaceChildren(...children.flat(Infinity).filter((child) => child));

// rounded writes a number for people: so many decimals, one digit of what they would make 0 down to 0.00001, powers of
// ten where it is large, and a true minus.
export function rounded(x, decimals = 3) {
  if (x === null || x === undefined) return "–";
  const size = Math.abs(x), small = size >= 1e-5 && size < 0.5 * 10 ** -decimals;
  return (size >= 1e7 ? x.toExponential(1) : small ? String(Number(x.toPrecision(1))).replace("1e-5", "0.00001") : x.toFixed(decimals)).replace("-", "−");
}

// number shows a number rounded, and has it whole for who reads the element.
export const number = (x, decimals) => make("data", { value: x ?? "", class: "number" }, rounded(x, decimals));

// count writes a whole number with thin spaces between its thousands.
export const count = (x) => (x === null || x === undefined ? "–" : String(Math.round(x)).replace(/\B(?=(\d{3})+$)/g, "\u202f"));

export const bytes = (x) => {
  for (const [unit, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
    if (x >= size) return `${+(x / size).toFixed(1)} ${unit}`;
  }
  return `${x} bytes`;
};

export const share = (x) => (x === null || x === undefined || Number.isNaN(x) ? "–" : `${+(100 * x).toFixed(1)} %`);

// letter names a response: A, B, C, …
export const letter = (i) => String.fromCharCode(65 + i);

// table makes a table with a caption, in a place of its own that scrolls where it is wider than its place. Rows are
// lists of cells; the first of each is its header, and where there are too few the other is as wide as all the rest.
export function table(caption, columns, rows, props) {
  const head = make("tr", {}, columns.map((name) => make(name ? "th" : "td", name && { scope: "col" }, name)));
  const body = rows.map((cells) => make("tr", {}, cells.map((cell, i) =>
    make(i ? "td" : "th", i ? { colspan: cells.length < columns.length && columns.length - 1 } : { scope: "row" }, cell ?? "–"))));
  return scrolling(caption, make("table", props, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, body)));
}

// scrolling makes a place for what may be wider than its place; the keyboard reaches and scrolls it.
export const scrolling = (label, node) => make("div", { class: "scroll", role: "group", "aria-label": label, tabindex: "0" }, node);

// facts makes a list of names and values, without those that are empty.
export function facts(pairs, props) {
  const there = pairs.filter(([, value]) => value && value.length !== 0);
  return make("dl", { class: "facts", ...props }, there.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

// short shows the beginning of a digest, and has all of it.
export const short = (digest) => make("data", { value: digest, class: "digest", title: digest }, digest.replace("sha256:", "").slice(0, 12));
