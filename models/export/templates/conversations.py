"""Conversations as trainers and users write them, and the variables beside them."""

import random

from realtok.conversations import conversations as plain

TOOL = {"type": "function", "function": {"name": "look_up", "description": "Looks \"it\" up <now>", "parameters": {
    "type": "object", "properties": {"what": {"type": "string", "description": "a word"}, "most": {"type": ["integer", "null"], "enum": [1, 2.5,
    None]}},
    "required": ["what"], "items": {}}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": {"what": "é \"x\"", "most": 2, "deep": [1.0, True, None]}}}


def rich() -> list[list[dict]]:
    """Conversations with tool calls, thoughts, and content as parts."""
    ask, answer = {"role": "user", "content": "What is 7 times 8?"}, {"role": "assistant", "content": "56"}
    return [
        [ask, {"role": "assistant", "content": "", "tool_calls": [CALL]}, {"role": "tool", "tool_call_id": "call_1", "name": "look_up",
        "content": "{\"a\": 1}"}, answer],
        [ask, {"role": "assistant", "content": None, "tool_calls": [CALL, CALL]}, {"role": "tool", "content": "7"}, {"role": "tool", "content": "8"},
        answer],
        [ask, {"role": "assistant", "content": "56", "tool_calls": None}],
        [ask, {"role": "assistant", "content": "56", "reasoning_content": "seven eights"}, ask, answer],
        [ask, {"role": "assistant", "content": "<think>\nseven eights\n</think>\n\n56"}, ask, {"role": "assistant",
        "content": "seven\n</think>\n\n56"}],
        [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "text", "text": " And why?"}]}, answer],
        [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, ask, {"role": "assistant", "content": [{"type": "text",
        "text": "56"}]}],
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}, answer],
        [{"role": "developer", "content": "Be brief."}, ask, answer],
        [],
    ]


def given(seed: str, most: int) -> list[dict]:
    """Return variables of a rendering, at most so many: conversations, with and without a generation prompt, tools and options."""
    rng = random.Random(seed)
    tokens = ["<s>", "</s>", "<|im_start|>", "<|im_end|>", "[INST]"]
    simple = plain(tokens, seed)
    chosen = rng.sample(simple, min(most, len(simple)))
    names = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    found = []
    for messages in [*chosen, *rich()]:
        found.append({"messages": messages, "add_generation_prompt": False, **names})
        found.append({"messages": messages, "add_generation_prompt": True, **names})
    last = rich()[0]
    found.append({"messages": last, "add_generation_prompt": False, "tools": [TOOL], **names})
    found.append({"messages": chosen[0], "add_generation_prompt": True, "tools": [TOOL, TOOL], "enable_thinking": False, **names})
    found.append({"messages": chosen[0], "add_generation_prompt": True, "documents": [{"title": "T", "text": "a b"}], "date_string": "26 Jul 2024"})
    return found
