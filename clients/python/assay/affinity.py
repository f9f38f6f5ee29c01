"""The header that tells a balancer which requests are about the same prompt, so that they reach the same replica.

A server keeps what it computed of a prompt, so the next request about it is cheaper where the first one went. A
balancer cannot look into a body; it hashes this header. The server itself does not read it.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

HEADER = "X-Assay-Prompt"
DIGITS = 16  # of the digest: enough that no two prompts of a run meet


def prompt_header(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the header of a request: the first hexadecimal digits of the SHA-256 of its prompt in UTF-8.

    The prompt is that of the request, or else of its first item or pair. There is none in a request of texts or ids.
    """
    first = body
    for name in ("items", "pairs"):
        listed = body.get(name)
        if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
            first = listed[0]
    text = prompt_of(first)
    return {} if text is None else {HEADER: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]}


def prompt_of(holder: Mapping[str, Any]) -> str | None:
    """Return the prompt, or the contents of the turns up to the last that is not the assistant's, one a line."""
    prompt, turns = holder.get("prompt"), holder.get("messages")
    if isinstance(prompt, str):
        return prompt
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        return None  # a text or ids, or what the server will refuse
    while turns and turns[-1].get("role") == "assistant":
        turns = turns[:-1]
    contents = [turn.get("content") for turn in turns]
    return "\n".join(one if isinstance(one, str) else json.dumps(one, sort_keys=True) for one in contents) if turns else None
