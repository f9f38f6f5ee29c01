"""Conversations that chat templates trip over."""

import random

CONTENTS = ["What is 2 + 2?", "4", "", " ", "\n", "  leading and trailing \n\n", "\tTabs\t", "\u00a0nbsp\u00a0", "\u3000wide\u3000",
            "two\n\nparagraphs\n", "a \"b\" 'c' \\d \\n {e}",
            "{{ messages }} {% if x %}y{% endif %} {# z #}", "<b>&amp;</b>", "\u200bzero\u200b", "数学の問題 👩🏽‍🚀", "e\u0301\u1112\u1161\u11ab",
            "שלום abc مرحبا", "line\r\nline\r\n",
            "$\\frac{1}{2}$", "\u2028\u2029\u0085", "\x1f\x1c", "None", "True", "0", "<think>\nhm\n</think>\n\nSo 4.", "%d {0} $x",
            "x" * 3000]


def conversations(tokens: list[str], seed: str) -> list[list[dict]]:
    """Message lists: with and without system, one to six turns, every content in every role, and orders that templates refuse."""
    rng = random.Random(seed)
    contents = CONTENTS + [f"a {t} b" for t in tokens[:6]] + ["".join(tokens[:6])]

    def turns(n: int, system: str | None = None) -> list[dict]:
        head = [] if system is None else [{"role": "system", "content": system}]
        return head + [{"role": ("user", "assistant")[i % 2], "content": rng.choice(contents)} for i in range(n)]

    found = [turns(n, system) for n in range(1, 7) for system in (None, "Be brief.", "", " \n", rng.choice(contents))]
    for content in contents:
        found.append([{"role": "user", "content": content}, {"role": "assistant", "content": "ok"}])
        found.append([{"role": "user", "content": "Hello"}, {"role": "assistant", "content": content}])
        found.append([{"role": "system", "content": content}, {"role": "user", "content": "Hello"},
                      {"role": "assistant", "content": "Yes"}])
    found += [turns(rng.randint(1, 6), rng.choice([None, *contents])) for _ in range(60)]
    orders = [["assistant"], ["user", "user"], ["system"], ["system", "system", "user"], ["user", "system", "assistant"],
              ["assistant", "user"],
              ["user", "assistant", "assistant"], ["critic", "user"], ["user", "tool"], ["User", "Assistant"]]
    return found + [[{"role": role, "content": rng.choice(contents)} for role in order] for order in orders]
