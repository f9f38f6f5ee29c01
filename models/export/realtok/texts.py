"""Texts that tokenizers trip over: classes made by hand, and seeded random ones. None has a NUL, which no C string carries."""

import random
import unicodedata

SPACES = [" ", "  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", "\v", "\f", "\u00a0", "\u2003", "\u2009", "\u202f", "\u3000", "\u200b",
          "\u2060",
          "\ufeff", "\u0085", "\u2028", "\u2029", "\u180e", "\u1680"]
WORDS = ["the", "Reward", "don't", "IT'S", "we'LL", "naïve", "Straße", "İstanbul", "ﬁne", "x2", "3.14", "42", "a_b", "CamelCaseWord",
         "e.g.", "—",
         "…", "“quoted”", "数学", "こんにちは", "カタカナ", "한국어", "привет", "Ελλάδα", "שלום", "مرحبا", "नमस्ते", "สวัสดี", "ไทย", "🙂", "👩‍🔬", "½",
         "²", "№5"]
BY_HAND = {
    "empty": ["", "a", "\n", "."],
    "white space": [s * n for s in SPACES for n in (1, 2, 7)]
                   + [f"{s}a{s}b{s}" for s in SPACES] + [f"{a}{b}" for a in SPACES[:12] for b in SPACES[:12]]
                   + ["a \n b", " \n\n a", "tail \t\n", "    indented", "a" + " " * 100 + "b", "\n" * 100, "x\n \n \ny", "\r\n\r\nx\r\n"],
    "CJK": ["今天天气很好，我们去公园吧。", "日本語のテキスト、句読点「」。", "한국어 문장입니다.", "漢字かな交じり文", "𠮷野家と𩸽", "你好Hello世界World123", "　全角　スペース　"],
    "emoji": ["👍🏽👍🏿", "👨‍👩‍👧‍👦 family", "🏳️‍🌈🏴‍☠️", "🇩🇪🇯🇵🇧🇷", "❤️ ❤", "1️⃣2️⃣#️⃣", "👩🏽‍🚀👨🏻‍🍳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "😀" * 50, "‍", "️"],
    "combining": ["e\u0301 é", "n\u0303o ño", "a\u0328\u0301", "Z" + "\u0351\u0334" * 12, "\u0301start", "q\u0307\u0323 q\u0323\u0307",
                  "\u1e9b\u0323", "ệ ệ ệ", "Å Å Å", "ﬃ ﬅ ㎏ ①", "क्षि ஸ்ரீ"],
    "Hangul jamo": ["\u1112\u1161\u11ab\u1100\u1173\u11af", "한글", "ㅎㅏㄴㄱㅡㄹ", "\u1100\u1161\u1100\u1161\u11a8"],
    "right to left": ["שלום עולם", "مرحبا بالعالم، كيف الحال؟", "abc שלום 123 مرحبا xyz", "\u202bرند\u202c", "\u200fa\u200e",
                      "بِسْمِ ٱللَّٰهِ", "١٢٣٤٥٦٧٨٩٠", "لا إله"],
    "long words": ["a" * 10_000, "7" * 5_000, "ab" * 4_000, "é" * 2_000, "漢" * 2_000, "🙂" * 700, "-" * 3_000, "_=" * 1_500, "A1b2" * 1_000,
                   "\\" * 999],
    "numbers": ["0 00 000 0000 00000", "1,234,567.89", "-3.5e-10", "0x1F 0b101 1_000", "12:34:56 2026-03-07", "٣٫١٤", "Ⅷ ⅔ ๑๒๓",
                "+1 (555) 010-9999", "3.141592653589793238462643383279", "100%", "1st 2nd 3rd"],
    "code": ["def f(x):\n    return x ** 2  # square\n\n\nprint(f(3))\n", "for (int i = 0; i < n; ++i) { a[i] <<= 1; }",
             "\tif err != nil {\n\t\treturn err\n\t}\n", "SELECT * FROM t WHERE a='b''c' -- x", "<div class=\"a\">&nbsp;&amp;</div>",
             "{\"k\": [1, 2.0, null, true], \"s\": \"\\u00e9\\n\"}",
             "grep -rn '^func' . | awk '{print $1}' >/dev/null 2>&1", "a->b::c(&d, *e)[0] != !f;", "/* ///// */ #######",
             "https://example.org/a?b=c&d=%20#e"],
    "LaTeX": ["$\\frac{a}{b} + \\sqrt[3]{x^2}$", "\\begin{aligned} x &= 1 \\\\ y &= 2 \\end{aligned}", "\\boxed{42}",
              "$$\\sum_{i=1}^{n} i = \\frac{n(n+1)}{2}$$", "\\left(\\int_0^\\infty e^{-x^2}\\,dx\\right)", "∑∫∂√∞≈≠≤≥⊂∈∀∃ℝℕ"],
    "mixed": ["Ωmega αβγ привет mIxEd", "a中b文c", "Ünïcödé ТЕКСТ テキスト", "fooباربaz", "ＡＢＣ１２３ ａｂｃ", "ﷺ", "𝒜𝓑𝔠 𝟙𝟚", "ʰʲ ǅ ǈ", "ꙮ ᏣᎳᎩ ᚠᚢᚦ 𓀀𓂀",
              "İ ı ſ ß ẞ", "it's It'S IT'S'S 'sx 'LLx 'Re", "a'b''c'''d"],
    "odd characters": ["\u0001\u0002\u001f\u007f", "\u0080\u009f", "\ufffd\ufffe\uffff", "\ue000\uf8ff\U000f0000\U0010fffd",
                       "\u00ad\u034f\u061c", "\U000e0001\U000e0020",
                       "\ufff9a\ufffab\ufffb", "ÿþ ï»¿ Ã©", "â€™ â€œ", "\u2581 \u2581\u2581a", "Ġ Ċ ĉ", "<0x0A> <0x41>"],
    "like tokens": ["<s> </s> <unk> <pad>", "<|x|> <|im_start |>", "< |im_start|>", "<|im_start", "im_end|>", "[INST] [/INST",
                    "[CLS][SEP][MASK]", "<bos", "<start_of_turn >", "<|begin_of_text|", "|eot_id|"],
}


def with_tokens(tokens: list[str], rng: random.Random) -> list[str]:
    """Texts around the tokenizer's added tokens: alone, doubled, in words, with white space on either side, and in a row."""
    some = tokens if len(tokens) <= 80 else tokens[:40] + rng.sample(tokens[40:], 40)
    texts = [form.format(t) for t in some for form in ("{0}", "a{0}b", " {0} ", "{0}{0}")]
    for token in some[:12]:
        texts += [f"x{s}{token}{s}y" for s in ("\n", "\t", "  ", "\r\n", "\u00a0", "\u200b")]
        texts += [token[:-1] + token, token.upper(), token[1:], f"é{token}\u0301"]
    texts += ["".join(rng.choices(some, k=5)) for _ in range(10)] + [" ".join(rng.choices(some + WORDS, k=12)) for _ in range(20)]
    return texts


def random_texts(rng: random.Random) -> list[str]:
    """Seeded texts: words with any white space between them, characters of any plane, and decoded bytes."""
    texts = ["".join(rng.choice(WORDS) + rng.choice(SPACES + [" "] * 30) for _ in range(rng.randint(1, 30))) for _ in range(120)]
    planes = [(1, 0x80), (0x80, 0x800), (0x800, 0xD800), (0xE000, 0x10000), (0x10000, 0x20000), (0x1F300, 0x1FB00), (0xE0000, 0x110000)]
    texts += ["".join(chr(rng.randrange(*rng.choice(planes))) for _ in range(rng.randint(1, 40))) for _ in range(120)]
    texts += ["".join(chr(rng.randrange(1, 0x80)) for _ in range(rng.randint(1, 60))) for _ in range(40)]
    texts += [rng.randbytes(rng.randint(1, 60)).decode("utf-8", "replace").replace("\0", "") for _ in range(40)]
    texts += [rng.randbytes(rng.randint(1, 60)).decode("latin-1").replace("\0", "") for _ in range(40)]
    return texts


def texts(tokens: list[str], seed: str) -> list[tuple[str, str]]:
    """(class, text) for a tokenizer with these added tokens; the hand-made ones in both normal forms where these differ."""
    rng = random.Random(seed)
    found = [(name, text) for name, group in BY_HAND.items() for text in group]
    found += [("added tokens", text) for text in with_tokens(tokens, rng)] + [("random", text) for text in random_texts(rng)]
    forms = [(name, unicodedata.normalize(form, text)) for name, text in found if name != "random" for form in ("NFC", "NFD")]
    return list(dict.fromkeys(found + forms))
