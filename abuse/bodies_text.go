package main

import (
	"fmt"
	"strings"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// text gives a body made of parts.
func text(parts ...string) func() []byte {
	return func() []byte { return []byte(strings.Join(parts, "")) }
}

// many gives a body with a list of n equal elements between two parts.
func many(before, element string, n int, after string) func() []byte {
	return func() []byte {
		return []byte(before + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + after)
	}
}

// numbered gives a body with a list of n elements, in each of which %d is its place.
func numbered(before, element string, n int, after string) func() []byte {
	return func() []byte {
		var body strings.Builder
		body.WriteString(before)
		for i := range n {
			if i > 0 {
				body.WriteByte(',')
			}
			fmt.Fprintf(&body, element, i)
		}
		body.WriteString(after)
		return []byte(body.String())
	}
}

// different gives a body in which %d is how often it was asked for before.
func different(format string) func() []byte {
	asked := 0
	return func() []byte {
		asked++
		return fmt.Appendf(nil, format, asked)
	}
}

// words are about so many bytes of text.
func words(n int) string { return strings.Repeat("12 + 30 ", n/8) }

// longTexts ask for more tokenizing or more rendering than their size lets expect.
func longTexts() []hostile {
	turns := `{"role":"user","content":"a"},{"role":"assistant","content":"b"}`
	digits := func(before string) func() []byte { return numbered(before, `"%d"`, 4096, `]}`) }
	return []hostile{
		asked("/v1/rank", "a prompt of 32 KiB, 4096 responses",
			digits(`{"prompt":"`+words(32*kib)+`","responses":[`)),
		asked("/v1/rank", "a reference of 32 KiB, 4096 responses",
			digits(`{"prompt":"a","reference":"`+words(32*kib)+`","responses":[`)),
		asked("/v1/rank", "a prompt of 400 KiB, 4096 responses",
			digits(`{"prompt":"`+words(400*kib)+`","responses":[`)),
		asked("/v1/rank", "a prompt of 1 KiB, cut, 4096 responses",
			digits(`{"truncate":"left","prompt":"`+words(kib)+`","responses":[`)),
		{
			name: "5001 short turns, 4096 responses", path: "/v1/rank",
			body: digits(`{"messages":[` + strings.Repeat(turns+",",
				2500) + `{"role":"user","content":"a"}],"responses":[`),
		},
		asked("/v1/compare", "4096 responses", many(`{"prompt":"12 + 30?","responses":[`, `"4"`, 4096, `]}`)),
		{
			name: "2048 pairs of one prompt of 8 KiB", path: "/v1/compare",
			body: many(`{"pairs":[`, `{"prompt":"`+words(8*kib)+`","chosen":"4","rejected":"5"}`, 2048, `]}`),
		},
		refused("/v1/score", "one text of 4 MiB", text(`{"items":[{"text":"`, words(4*mib), `"}]}`)),
		refused("/v1/score", "one text of 32 MiB minus",
			text(`{"items":[{"text":"`, words(32*mib-64), `"}]}`)).inLongForm(),
		asked("/v1/score", "one text of 4 MiB, cut",
			text(`{"truncate":"right","items":[{"text":"`, words(4*mib), `"}]}`)),
		asked("/v1/score", "one word of 1 MiB, cut",
			text(`{"truncate":"left","items":[{"text":"`, strings.Repeat("a", mib), `"}]}`)),
		asked("/v1/score", "1 MiB of marks on one letter, cut",
			text(`{"truncate":"left","items":[{"text":"a`, strings.Repeat("\u0301", mib/2), `"}]}`)),
		asked("/v1/score", "4 MiB of added tokens",
			text(`{"items":[{"text":"`, strings.Repeat("<extra_0>", 4*mib/9), `"}]}`)),
		asked("/v1/score", "1 MiB of text and 50 ms",
			text(`{"timeout_ms":50,"items":[{"text":"`, words(mib), `"}]}`)).orLate(),
		asked("/v1/score", "16 texts of 1 MiB at once, cut",
			different(`{"truncate":"left","items":[{"text":"%d `+words(mib)+`"}]}`)).atOnce(16),
		asked("/v1/score", "4096 items of 1 KiB, too long",
			numbered(`{"items":[`, `{"text":"%d`+words(kib)+`"}`, 4096, `]}`)),
		asked("/v1/score", "4096 items of 8 KiB, too long",
			numbered(`{"items":[`, `{"text":"%d`+words(8*kib-80)+`"}`, 4096, `]}`)).inLongForm(),
		asked("/v1/tokenize", "one text of 4 MiB",
			text(`{"model":"arith-rm","items":[{"text":"`, words(4*mib), `"}]}`)),
		asked("/v1/tokenize", "4096 texts of 1 KiB, cut",
			numbered(`{"model":"arith-rm","truncate":"left","items":[`, `{"text":"%d`+words(kib)+`"}`, 4096, `]}`)),
		asked("/v1/tokenize", "4096 texts of 8 KiB, cut",
			numbered(`{"model":"arith-rm","truncate":"left","items":[`, `{"text":"%d`+words(8*kib-80)+`"}`, 4096,
				`]}`)).inLongForm().tellsAll(96 * mib),
		refused("/get_reward", "one query of 4 MiB", text(`{"query":["`, words(4*mib), `"]}`)),
		asked("/get_reward?truncate=left", "one query of 4 MiB, cut", text(`{"query":["`, words(4*mib), `"]}`)),
		{
			name: "1000 items of 512 separators", path: "/v1/steps",
			body: many(`{"items":[`, `{"input_ids":[`+strings.TrimSuffix(strings.Repeat("3,", 512), ",")+`]}`, 1000,
				`]}`),
		},
		asked("/v1/choose", "4096 items of 256 candidates",
			text(`{"candidates":["`, strings.TrimSuffix(strings.Repeat(`x","`, 255), `","`), `"],"items":[`,
				strings.TrimSuffix(strings.Repeat(`{"prompt":"a"},`, 4096), ","), `]}`)),
		asked("/v1/choose", "a prompt of 400 KiB, 26 candidates, cut",
			text(`{"truncate":"left","candidates":["`, strings.Join(strings.Split("ABCDEFGHIJKLMNOPQRSTUVWXYZ", ""), `","`),
				`"],"items":[{"prompt":"`, words(400*kib), `"}]}`)),
		asked("/v1/choose", "256 candidates of 16 KiB",
			numbered(`{"items":[{"prompt":"a"}],"candidates":[`, `"%d`+words(16*kib)+`"`, 256, `]}`)),
		refused("/v1/steps", "a million empty steps",
			many(`{"items":[{"prompt":"a","steps":[`, `""`, 1_000_000, `]}]}`)),
		asked("/v1/steps", "1000 items of 512 steps",
			many(`{"items":[`, `{"prompt":"a","steps":[`+strings.TrimSuffix(strings.Repeat(`"1",`, 512), ",")+`]}`,
				1000, `]}`)),
		refused("/v1/steps", "4 MiB cut at every letter",
			text(`{"items":[{"prompt":"a","separator":"1","response":"`, strings.Repeat("1", 4*mib), `"}]}`)),
		asked("/v1/steps", "a prompt of 4 MiB, 100 steps, cut",
			many(`{"truncate":"left","items":[{"prompt":"`+words(4*mib)+`","steps":[`, `"1"`, 100, `]}]}`)),
	}
}
