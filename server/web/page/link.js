// Links reproduce what is seen: what was asked stands behind the # of the address, which browsers do not send anywhere.
// It is JSON, compressed, in letters that every program leaves alone in a link. No token is in it.

export const mostLink = 32 * 1024; // characters
const mostState = 1024 * 1024; // bytes of JSON that a link may unfold to

export const damaged = "The link is damaged: what stands behind # cannot be read.";

// pack gives the text of a state.
export async function pack(state) {
  const json = new Blob([JSON.stringify(state)]);
  const packed = new Uint8Array(await new Response(json.stream().pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer());
  let binary = "";
  for (const byte of packed) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

// unpack gives the state of a text. It throws a sentence where the text is none, or unfolds to too much.
export async function unpack(text) {
  if (text.length > mostLink) throw new Error(tooLong(text.length));
  const parts = [];
  let size = 0;
  try {
    const packed = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    while (size <= mostState) {
      const { done, value } = await reader.read();
      if (done) return JSON.parse(await new Blob(parts).text());
      size += value.length;
      parts.push(value);
    }
    reader.cancel();
  } catch {
    throw new Error(damaged);
  }
  throw new Error(`The link holds more than ${mostState} bytes of text, the limit.`);
}

export const tooLong = (length) =>
  `The link would have ${length} characters, and ${mostLink} is the limit: shorten the prompt or the responses to have one.`;

// copy puts the address of the page on the clipboard. Where a browser keeps that from pages, as on addresses without
// TLS, it selects the address in a field, to be copied by hand. It says what it did.
export async function copy(field) {
  try {
    await navigator.clipboard.writeText(location.href);
    return "The link is copied.";
  } catch {
    field.hidden = false;
    field.value = location.href;
    field.focus();
    field.select();
    return "The link is selected: copy it with Ctrl+C, or ⌘C.";
  }
}
