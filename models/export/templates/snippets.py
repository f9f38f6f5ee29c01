"""Templates put together at random from the constructs that real chat templates use, refusals included."""

import random

from .conversations import TOOL

TEXTS = ["a", "", " b ", "x\\ny", "<b>&", "é数👩", "0", "1.5", "None", "it's", '"q"', "A b-c", "a,b,,c", "ß", "\\t x \\u00a0",
    "<think>t</think>\\n\\nc", "\\x1f", "ǆ", "A\\r\\nB\\u2028C"]
DATES = ["'%d %b %Y'", "'%Y-%m-%d %H:%M:%S %A %j %p %%'", "'%B %e %y%z'"]
SPACES = ["", "", "", "-"]


class Maker:
    """Makes expressions and statements by one random generator."""

    def __init__(self, seed: str) -> None:
        """Begin with a seed."""
        self.rng = random.Random(seed)
        self.names = ["messages", "tools", "bos_token", "nothing", "add_generation_prompt", "number", "real", "words", "table", "flag"]

    def one(self, *choices: object) -> str:
        """Return one of the choices; a function among them is called."""
        chosen = self.rng.choice(choices)
        return chosen() if callable(chosen) else str(chosen)

    def text(self) -> str:
        """Return a string literal."""
        content = self.rng.choice(TEXTS)
        quote = '"' if "'" in content else "'"
        return f"{quote}{content.replace(quote, chr(92) + quote)}{quote}"

    def atom(self) -> str:
        """Return a value without operators."""
        return self.one(
            self.text, self.text, lambda: str(self.rng.choice([0, 1, 2, -1, 7, 100000, 3.0, 2.5, "1e20"])), "true", "false", "none", "[]", "{}",
            lambda: self.rng.choice(self.names), lambda: self.rng.choice(self.names),
            lambda: f"[{self.atom()}, {self.atom()}]", lambda: f"{{{self.text()}: {self.atom()}, 'k': {self.atom()}}}",
            "messages[0]", "messages[-1]", "messages[0]['content']", "messages[0].role", "messages[9]", "m.content", "m['role']", "table.k",
            "messages[0].nothing", "(1, 2)", "range(3)", "tools[0].function", "words[1]")

    def expression(self, depth: int | None = None) -> str:
        """Return an expression so many operators deep, one for the most part."""
        if depth is None:
            depth = self.rng.choice([0, 1, 1, 1, 2])
        if depth <= 0:
            return self.atom()
        below = lambda: self.expression(depth - 1)  # noqa: E731 - a name for what is written thirty times below
        side = lambda: self.one(self.atom, lambda: f"({below()})")  # noqa: E731 - of a comparison, which is a chain where it stands beside another
        return self.one(
            self.atom, lambda: f"{below()} {self.one('+', '+', '~', '-', '*', '/', '//', '%')} {below()}",
            lambda: f"{side()} {self.one('==', '!=', '<', '>', '<=', '>=')} {side()}", "(0 < number <= 12)", "(number > 20 > real)",
            lambda: f"{below()} {self.one('and', 'or')} {below()}", lambda: f"not {below()}",
            lambda: f"{side()} {self.one('in', 'not in')} {side()}", lambda: f"({below()})",
            lambda: f"({below()} if {below()} else {below()})", lambda: f"({below()} if {below()})",
            lambda: f"({below()}){self.filter(depth)}", lambda: f"({below()}){self.filter(depth)}",
            lambda: f"({below()}){self.filter(depth)}{self.filter(depth)}",
            lambda: f"({below()}){self.method()}", lambda: f"({below()}){self.method()}", lambda: f"{self.sliced()}{self.slice()}",
            lambda: f"({self.atom()} is {self.one('', 'not ')}{self.test()})", lambda: f"(({below()}) is {self.one('', 'not ')}{self.test()})",
            lambda: f"({below()})[{self.one('0', '-1', '5', self.text, 'none')}]",
            lambda: f"({below()}).{self.one('role', 'content', 'k', 'nothing', 'function')}")

    def filter(self, depth: int) -> str:
        """Return a filter with its bar."""
        return " | " + self.one(
            "trim", "trim", "upper", "lower", "title", "capitalize", "length", "count", "string", "list", "first", "last", "join", "join(', ')",
            "tojson",
            "tojson(indent=2)", "tojson(ensure_ascii=true)", "tojson(separators=(',', ':'))", "tojson(sort_keys=true)", "tojson(indent=0)", "int",
            "int(3)",
            "float", "abs", "round", "round(1)", "sum", "reverse", "reverse | list", "sort", "unique | list", "items | list", "dictsort", "max",
            "min",
            lambda: f"default({self.atom()})", lambda: f"default({self.atom()}, true)", lambda: f"d({self.atom()})",
            lambda: f"replace({self.text()}, {self.text()})", lambda: f"replace({self.text()}, {self.text()}, 1)", "indent", "indent(2, true)",
            "indent(first=true, blank=true)",
            "map(attribute='content') | list", "map('upper') | list", "map('trim') | join('|')", "selectattr('role', 'equalto', 'user') | list",
            "selectattr('role') | list | length", "rejectattr('role', 'eq', 'user') | list", "select('string') | list", "reject('none') | list",
            "select | list", "map(attribute='role') | join(' ')", "map(attribute='role')", "batch(2) | list", "safe", "e", "escape", "trim('ab')",
            "attr('k')",
            lambda: f"join({self.text()})", "groupby('role') | length", "slice(2) | list", "center(9)", "select('in', ['a', 'b']) | list",
            lambda: f"select('eq', {self.expression(depth - 1)}) | list")

    def method(self) -> str:
        """Return a call of a method."""
        return "." + self.one(
            "strip()", "strip()", "lstrip()", "rstrip()", lambda: f"strip({self.text()})", lambda: f"lstrip({self.text()})",
            lambda: f"rstrip({self.text()})",
            "split()", lambda: f"split({self.text()})", lambda: f"split({self.text()}, 1)", lambda: f"split({self.text()})[-1]",
            lambda: f"rsplit({self.text()}, 1)[0]",
            "split(none, 1)", "rsplit(maxsplit=1)", "upper()", "lower()", "title()", "capitalize()", lambda: f"startswith({self.text()})",
            lambda: f"endswith({self.text()})",
            "startswith(('a', 'x'))", "splitlines()", "splitlines(true)", lambda: f"replace({self.text()}, {self.text()})",
            lambda: f"replace({self.text()}, 'z', 1)",
            lambda: f"find({self.text()})", lambda: f"rfind({self.text()})", lambda: f"count({self.text()})", lambda: f"index({self.text()})",
            "items()", "items() | list",
            "keys() | list", "values() | list", "get('k')", "get('role')", "get('x', 'y')", "get('content', '')", "isdigit()", "isalpha()",
            "isspace()", "isupper()", "islower()", "append(1)",
            lambda: f"join({self.expression(1)})", lambda: f"partition({self.text()})", lambda: f"removeprefix({self.text()})",
            lambda: f"removesuffix({self.text()})",
            lambda: f"format({self.atom()})", "nothing()", "index('a')", "count('a')", "update({})", "keys()", "pop()")

    def sliced(self) -> str:
        """Return what a slice may be taken of. Of what has none Jinja2 refuses a variable's and folds a constant's into nothing."""
        return self.one(self.text, "[1, 2, 3]", "messages", "words", "m.content", "bos_token", "(1, 2, 3)", "range(4)", "nothing", "number",
                        "table.l[1]", "table")

    def slice(self) -> str:
        """Return a slice in brackets."""
        bound = lambda: self.one("", "", "0", "1", "-1", "2", "-3", "9")  # noqa: E731
        return f"[{bound()}:{bound()}{self.one('', '', ':1', ':-1', ':2', ':-2')}]"

    def test(self) -> str:
        """Return a test, without its `is`."""
        return self.one(
            "defined", "defined", "undefined", "none", "string", "mapping", "iterable", "sequence", "number", "integer", "float", "boolean",
            "true", "false", "even", "odd", lambda: f"equalto({self.atom()})", lambda: f"eq({self.atom()})", "in(['a', 1])", "lower", "upper",
            "divisibleby(2)", "callable", "sameas(none)")

    def statement(self, depth: int = 2) -> str:
        """Return a statement with its body, or text."""
        left, right = self.rng.choice(SPACES), self.rng.choice(SPACES)

        def tag(words: str) -> str:
            return f"{{%{left} {words} {right}%}}"

        def body() -> str:
            return self.statements(depth - 1)

        made = lambda: f"{{{{{left} {self.expression()} {right}}}}}"  # noqa: E731
        if depth == 0:
            return self.one(made, made, "text", " \n", "\n\n  ")
        return self.one(
            made, made, made, made, "text\n", "  \n  ", "{# note #}", lambda: f"{{#{left} note {right}#}}\n",
            lambda: f"{tag('if ' + self.expression())}{body()}{tag('endif')}",
            lambda: f"{tag('if ' + self.expression(1))}{body()}{tag('elif ' + self.expression(1))}{body()}{tag('else')}{body()}{tag('endif')}\n",
            lambda: f"{tag('for m in ' + self.one('messages', 'messages[1:]', 'messages | reverse', self.atom))}{body()}{tag('endfor')}",
            lambda: f"{tag('for m in messages if ' + self.expression(1))}{body()}{tag('else')}none{tag('endfor')}",
            lambda: f"{tag('for k, v in table.items()')}{{{{ k }}}}{body()}{{{{ v }}}}{tag('endfor')}",
            lambda: f"{tag('for x in words')}{{{{ loop.index }}}}{{{{ loop.last }}}}"
                    f"{self.one('{{ loop.first }}', '{{ loop.previtem }}', '{{ loop.nextitem }}', '{{ loop.length }}', '{{ loop.revindex0 }}')}"
                    f"{body()}{tag('if loop.index0 == 1')}{tag(self.one('break', 'continue'))}{tag('endif')}x{tag('endfor')}",
            lambda: f"{tag('set kept = ' + self.expression())}{body()}{{{{ kept }}}}",
            lambda: f"{tag('set ns = namespace(a=1, b=' + self.atom() + ')')}{tag('for m in messages')}"
                    f"{tag('set ns.a = ' + self.one('ns.a + 1', 'm.role', self.expression))}"
                    f"{tag('endfor')}{{{{ ns.a }}}}{{{{ ns.b }}}}",
            lambda: f"{tag('set block')}{body()}{tag('endset')}[{{{{ block }}}}]{{{{ block | length }}}}",
            lambda: f"{tag('macro twice(x, y=' + self.atom() + ')')}<{{{{ x }}}}{{{{ y }}}}{body()}>{tag('endmacro')}"
                    f"{{{{ twice({self.expression(1)}) }}}}{{{{ twice(x=1, y={self.atom()}) | trim }}}}",
            lambda: f"{tag('generation')}{body()}{tag('endgeneration')}\n",
            lambda: f"{tag('with x = ' + self.atom())}{{{{ x }}}}{body()}{tag('endwith')}",
            lambda: f"{tag('filter upper')}{body()}{tag('endfilter')}",
            lambda: f"{tag('if messages | length > 1')}{{{{ raise_exception({self.one(self.text, self.expression)}) }}}}{tag('endif')}",
            lambda: f"{tag('raw')}{{{{ x }}}}{{% if %}}{tag('endraw')}",
            lambda: f"{{{{ strftime_now({self.one(*DATES)}) }}}}")

    def statements(self, depth: int = 2) -> str:
        """Return one to three statements."""
        return "".join(self.statement(depth) for _ in range(self.rng.choice([1, 1, 2, 3])))


def generated(count: int) -> list[tuple[str, str, list[dict]]]:
    """Return so many (name, template, renderings' variables); the same for the same count."""
    turn = lambda role, content: {"role": role, "content": content}  # noqa: E731
    conversations = [[turn("user", "Hi <there>"), turn("assistant", " ok\n")], [turn("system", ""), turn("user", "a\n\nb"), turn("assistant",
    "c 'd'"), turn("user", "é")],
                     [turn("user", "<think>x</think> y")], []]
    common = {"bos_token": "<s>", "number": 12, "real": 0.1, "words": ["a", "B", "c d"], "table": {"k": "v", "n": 1, "l": [1, None, True]},
    "flag": True}
    found = []
    for i in range(count):
        maker = Maker(f"template {i}")
        chosen = maker.rng.choice(conversations)
        variables = [{"messages": one, "add_generation_prompt": i % 2 == 0, "tools": None, "documents": None, **common} for one in (conversations[0],
            chosen)]
        if i % 5 == 0:
            variables[1]["tools"] = [TOOL]
        found.append((f"generated {i}", maker.statements(maker.rng.choice([0, 1, 1, 2])), variables))
    return found
