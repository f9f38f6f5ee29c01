package main

import (
	"fmt"
	"strings"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// refusal are the statuses of a request that cannot be answered, whoever asks and however often.
var refusal = []int{400, 404, 413, 415, 422, 431}

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
		{name: "a prompt of 32 KiB, 4096 responses", path: "/v1/rank", body: digits(`{"prompt":"` + words(32*kib) + `","responses":[`)},
		{name: "a prompt of 400 KiB, 4096 responses", path: "/v1/rank", body: digits(`{"prompt":"` + words(400*kib) + `","responses":[`)},
		{name: "a prompt of 1 KiB, cut, 4096 responses", path: "/v1/rank", body: digits(`{"truncate":"left","prompt":"` + words(kib) + `","responses":[`)},
		{
			name: "5001 short turns, 4096 responses", path: "/v1/rank",
			body: digits(`{"messages":[` + strings.Repeat(turns+",", 2500) + `{"role":"user","content":"a"}],"responses":[`),
		},
		{name: "4096 responses", path: "/v1/compare", body: many(`{"prompt":"12 + 30?","responses":[`, `"4"`, 4096, `]}`)},
		{
			name: "2048 pairs of one prompt of 8 KiB", path: "/v1/compare",
			body: many(`{"pairs":[`, `{"prompt":"`+words(8*kib)+`","chosen":"4","rejected":"5"}`, 2048, `]}`),
		},
		{name: "one text of 4 MiB", path: "/v1/score", want: refusal, body: text(`{"items":[{"text":"`, words(4*mib), `"}]}`)},
		{name: "one text of 32 MiB minus", path: "/v1/score", want: refusal, body: text(`{"items":[{"text":"`, words(32*mib-64), `"}]}`), long: true},
		{name: "one text of 4 MiB, cut", path: "/v1/score", body: text(`{"truncate":"right","items":[{"text":"`, words(4*mib), `"}]}`)},
		{name: "one word of 1 MiB, cut", path: "/v1/score", body: text(`{"truncate":"left","items":[{"text":"`, strings.Repeat("a", mib), `"}]}`)},
		{name: "1 MiB of marks on one letter, cut", path: "/v1/score", body: text(`{"truncate":"left","items":[{"text":"a`, strings.Repeat("\u0301", mib/2), `"}]}`)},
		{name: "4 MiB of added tokens", path: "/v1/score", body: text(`{"items":[{"text":"`, strings.Repeat("<extra_0>", 4*mib/9), `"}]}`)},
		{name: "1 MiB of text and 50 ms", path: "/v1/score", body: text(`{"timeout_ms":50,"items":[{"text":"`, words(mib), `"}]}`), want: append([]int{504}, refusal...)},
		{name: "16 texts of 1 MiB at once, cut", path: "/v1/score", times: 16, body: different(`{"truncate":"left","items":[{"text":"%d ` + words(mib) + `"}]}`)},
		{name: "4096 items of 1 KiB, too long", path: "/v1/score", body: numbered(`{"items":[`, `{"text":"%d`+words(kib)+`"}`, 4096, `]}`)},
		{name: "4096 items of 8 KiB, too long", path: "/v1/score", body: numbered(`{"items":[`, `{"text":"%d`+words(8*kib-80)+`"}`, 4096, `]}`), long: true},
		{name: "one text of 4 MiB", path: "/v1/tokenize", body: text(`{"model":"arith-rm","items":[{"text":"`, words(4*mib), `"}]}`)},
		{name: "4096 texts of 1 KiB, cut", path: "/v1/tokenize", body: numbered(`{"model":"arith-rm","truncate":"left","items":[`, `{"text":"%d`+words(kib)+`"}`, 4096, `]}`)},
		{name: "4096 texts of 8 KiB, cut", path: "/v1/tokenize", body: numbered(`{"model":"arith-rm","truncate":"left","items":[`, `{"text":"%d`+words(8*kib-80)+`"}`, 4096, `]}`), long: true},
		{name: "one query of 4 MiB", path: "/get_reward", want: refusal, body: text(`{"query":["`, words(4*mib), `"]}`)},
		{name: "one query of 4 MiB, cut", path: "/get_reward?truncate=left", body: text(`{"query":["`, words(4*mib), `"]}`)},
		{
			name: "1000 items of 512 separators", path: "/v1/steps",
			body: many(`{"items":[`, `{"input_ids":[`+strings.TrimSuffix(strings.Repeat("3,", 512), ",")+`]}`, 1000, `]}`),
		},
		{name: "a million empty steps", path: "/v1/steps", want: refusal, body: many(`{"items":[{"prompt":"a","steps":[`, `""`, 1_000_000, `]}]}`)},
		{name: "1000 items of 512 steps", path: "/v1/steps", body: many(`{"items":[`, `{"prompt":"a","steps":[`+strings.TrimSuffix(strings.Repeat(`"1",`, 512), ",")+`]}`, 1000, `]}`)},
		{name: "4 MiB cut at every letter", path: "/v1/steps", want: refusal, body: text(`{"items":[{"prompt":"a","separator":"1","response":"`, strings.Repeat("1", 4*mib), `"}]}`)},
		{name: "a prompt of 4 MiB, 100 steps, cut", path: "/v1/steps", body: many(`{"truncate":"left","items":[{"prompt":"`+words(4*mib)+`","steps":[`, `"1"`, 100, `]}]}`)},
	}
}
