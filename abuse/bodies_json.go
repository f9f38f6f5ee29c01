package main

import (
	"fmt"
	"strings"
)

// badJSON are bodies that a decoder may read for long, keep whole, or misread.
func badJSON() []hostile {
	escapes := strings.Repeat(`\u0001`, 2*mib/6)
	item := `{"items":[{"text":"1"}]`
	return []hostile{
		{name: "4 MiB of numbers as items", path: "/v1/score", want: refusal, body: many(`{"items":[`, `1`, 2*mib, `]}`)},
		{name: "4 MiB of empty items", path: "/v1/score", want: refusal, body: many(`{"items":[`, `{}`, 4*mib/3, `]}`)},
		{name: "4 MiB of empty items, one null", path: "/v1/score", want: refusal, body: many(`{"items":[null,`, `{}`, 4*mib/3, `]}`)},
		{name: "32 MiB of empty items", path: "/v1/score", want: refusal, body: many(`{"items":[`, `{}`, 32*mib/3-10, `]}`), long: true},
		{name: "4 MiB of strings as ids", path: "/v1/score", want: refusal, body: many(`{"items":[{"input_ids":[`, `""`, 4*mib/3, `]}]}`)},
		{name: "4 MiB of ids", path: "/v1/score", want: refusal, body: many(`{"items":[{"input_ids":[`, `1`, 2*mib, `]}]}`)},
		{name: "a million messages", path: "/v1/score", want: refusal, body: many(`{"items":[{"messages":[`, `{"role":"user","content":"a"}`, 1_000_000, `]}]}`)},
		{name: "a million blank messages", path: "/v1/rank", want: refusal, body: many(`{"responses":["1"],"messages":[`, `{}`, 1_000_000, `]}`)},
		{name: "a million responses", path: "/v1/rank", want: refusal, body: many(`{"prompt":"a","responses":[`, `"1"`, 1_000_000, `]}`)},
		{name: "a million responses", path: "/v1/compare", want: refusal, body: many(`{"prompt":"a","responses":[`, `""`, 1_000_000, `]}`)},
		{name: "a million empty pairs", path: "/v1/compare", want: refusal, body: many(`{"pairs":[`, `{}`, 1_000_000, `]}`)},
		{name: "a million empty items", path: "/v1/steps", want: refusal, body: many(`{"items":[`, `{}`, 1_000_000, `]}`)},
		{name: "a million empty items", path: "/v1/tokenize", want: refusal, body: many(`{"model":"arith-rm","items":[`, `{}`, 1_000_000, `]}`)},
		{name: "a million queries", path: "/get_reward", want: refusal, body: many(`{"query":[`, `""`, 1_000_000, `]}`)},
		{name: "numbers as queries", path: "/get_reward", want: refusal, body: many(`{"query":[`, `1`, 2*mib, `]}`)},
		{name: "16 MiB of prompts beside one query", path: "/get_reward", body: many(`{"query":["1"],"prompts":[`, `[]`, 16*mib/3, `]}`)},
		{name: "unknown key, a million deep", path: "/get_reward", body: text(`{"query":["1"],"x":`, strings.Repeat("[", 1_000_000), strings.Repeat("]", 1_000_000), `}`)},
		{name: "a model's name of 2 MiB of escapes", path: "/v1/score", want: refusal, brief: true, body: text(`{"model":"`, escapes, `","items":[{"text":"1"}]}`)},
		{name: "truncate of 2 MiB of escapes", path: "/v1/score", want: refusal, brief: true, body: text(item, `,"truncate":"`, escapes, `"}`)},
		{name: "activation of 2 MiB of escapes", path: "/v1/score", want: refusal, brief: true, body: text(item, `,"activation":"`, escapes, `"}`)},
		{name: "label of 2 MiB of escapes", path: "/v1/score", want: refusal, brief: true, body: text(item, `,"label":"`, escapes, `"}`)},
		{name: "strategy of 2 MiB of escapes", path: "/v1/rank", want: refusal, brief: true, body: text(`{"prompt":"a","responses":["1"],"strategy":"`, escapes, `"}`)},
		{name: "explain of 2 MiB of escapes", path: "/v1/score", want: refusal, brief: true, body: text(item, `,"explain":"`, escapes, `"}`)},
		{name: "a role of 2 MiB of escapes", path: "/v1/score", want: refusal, brief: true, body: text(`{"items":[{"messages":[{"role":"`, escapes, `","content":"a"}]}]}`)},
		{name: "an unknown field of 2 MiB", path: "/v1/score", want: refusal, brief: true, body: text(`{"`, escapes, `":1}`)},
		{name: "features by 300,000 names", path: "/v1/score", want: refusal, body: numbered(`{"items":[{"features":{"a":0,`, `"f%d":1`, 300_000, `}}]}`)},
		{name: "a user of 2 million numbers", path: "/v1/score", want: refusal, body: many(`{"items":[{"text":"1","user":[`, `1`, 2_000_000, `]}]}`)},
		{name: "a million opening brackets", path: "/v1/score", want: refusal, body: text(strings.Repeat("[", 1_000_000))},
		{name: "items in items, 100,000 deep", path: "/v1/score", want: refusal, body: text(strings.Repeat(`{"items":[`, 100_000))},
		{name: "a timeout of 1e400", path: "/v1/score", want: refusal, body: text(item, `,"timeout_ms":1e400}`)},
		{name: "a timeout of 4 MiB of digits", path: "/v1/score", want: refusal, body: text(item, `,"timeout_ms":`, strings.Repeat("9", 4*mib), `}`)},
		{name: "an exponent of 4 MiB of digits", path: "/v1/score", want: refusal, body: text(item, `,"timeout_ms":1e-`, strings.Repeat("9", 4*mib), `}`)},
		{name: "ids of 2^64 and -1", path: "/v1/score", want: refusal, body: text(`{"items":[{"input_ids":[18446744073709551616,-1]}]}`)},
		{name: "items given twice", path: "/v1/score", want: refusal, body: text(item, `,"items":[{"text":"2"}]}`)},
		{name: "a text given twice", path: "/v1/score", want: refusal, body: text(`{"items":[{"text":"1","text":"2"}]}`)},
		{name: "200,000 models", path: "/v1/score", want: refusal, body: text(`{`, strings.Repeat(`"model":"arith-rm",`, 200_000), `"items":[{"text":"1"}]}`)},
		{name: "keys in capitals", path: "/v1/score", want: refusal, body: text(`{"Items":[{"TEXT":"1"}]}`)},
		{name: "4096 half surrogates", path: "/v1/score", want: refusal, body: many(`{"items":[`, `{"text":"\ud800"}`, 4096, `]}`)},
		{name: "4 MiB of half surrogates", path: "/v1/score", want: refusal, body: text(`{"items":[{"text":"`, strings.Repeat(`\udfff`, 4*mib/6), `"}]}`)},
		{name: "4 MiB that are not UTF-8", path: "/v1/score", want: refusal, body: text(`{"items":[{"text":"`, strings.Repeat("\xff", 4*mib), `"}]}`)},
		{name: "4096 items, each bad", path: "/v1/score", body: many(`{"items":[`, `{"prompt":"1"}`, 4096, `]}`)},
		{name: "4096 items, each with a bad role", path: "/v1/score", body: many(`{"items":[`, `{"messages":[{"role":"`+strings.Repeat("x", 500)+`","content":"1"}]}`, 4096, `]}`)},
		{name: "32 MiB of blanks", path: "/v1/score", want: refusal, body: text(strings.Repeat(" ", 32*mib))},
		{name: "a body behind the body", path: "/v1/score", want: refusal, body: text(item, `}`, strings.Repeat("{}", mib))},
		{name: "no body", path: "/v1/score", want: refusal, body: text("")},
	}
}

// badHTTP are requests whose lines are hostile, or whose body says something else than they do.
func badHTTP() []hostile {
	item := `{"items":[{"text":"1"}]}`
	blanks := item[:1] + strings.Repeat(" ", 256*mib) + item[1:]
	large := strings.Repeat("a", 16*mib)
	zip := func(name string, pack func([]byte) []byte, of string, want ...int) hostile {
		return hostile{
			name: name, path: "/v1/score", want: want, header: []string{"Content-Encoding: " + strings.Fields(name)[0]},
			body: func() []byte { return pack([]byte(of)) },
		}
	}
	get := func(path string) hostile {
		return hostile{name: "16 MiB behind a GET", method: "GET", path: path, body: text(large)}
	}
	lines := make([]string, 5000)
	for i := range lines {
		lines[i] = fmt.Sprintf("X-%d: %d", i, i)
	}
	return []hostile{
		zip("gzip bomb, 256 MiB", gzipped, blanks, 413),
		zip("zstd bomb, 256 MiB", zstdPacked, blanks, 413),
		zip("zstd frame with a window of 2 GiB", func([]byte) []byte { return zstdWindow(2048 * mib) }, "", 400, 413),
		zip("zstd frame that says it has 2^60 bytes", func([]byte) []byte { return zstdContent(1 << 60) }, "", 400, 413),
		zip("gzip cut short", func(b []byte) []byte { packed := gzipped(b); return packed[:len(packed)-9] }, item, 400),
		zip("gzip that is none", func(b []byte) []byte { return b }, item, 400),
		zip("br is not taken", gzipped, item, 415),
		zip("gzip,gzip is not taken", func(b []byte) []byte { return gzipped(gzipped(b)) }, blanks, 415),
		{name: "33 MiB, over the cap", path: "/v1/score", want: []int{413}, body: text(strings.Repeat("1", 33*mib))},
		{name: "says 10 GiB, sends none", path: "/v1/score", want: []int{413}, header: []string{"Content-Length: 10737418240"}},
		{name: "chunks over the cap", path: "/v1/score", want: []int{413}, header: []string{"Transfer-Encoding: chunked"}, body: chunks(64*kib, 33*16)},
		{name: "a million chunks of a byte", path: "/v1/score", want: refusal, header: []string{"Transfer-Encoding: chunked"}, body: chunks(1, 1_000_000)},
		{name: "two lengths", path: "/v1/score", want: []int{400}, header: []string{"Content-Length: 24", "Content-Length: 25"}, body: text(item)},
		{name: "a length of -1", path: "/v1/score", want: []int{400}, header: []string{"Content-Length: -1"}, body: text(item)},
		{name: "two codings of the transfer", path: "/v1/score", want: []int{400, 501}, header: []string{"Transfer-Encoding: gzip, chunked"}, body: text(item)},
		{name: "a type of 60 KiB", path: "/v1/score", want: refusal, header: []string{"Content-Type: " + strings.Repeat("a", 60*kib)}, body: text(item)},
		{name: "an id of 60 KiB", path: "/v1/score", header: []string{"X-Request-Id: " + strings.Repeat("a", 60*kib)}, body: text(item)},
		{name: "headers of 1 MiB", path: "/v1/score", want: []int{431}, header: []string{"X: " + strings.Repeat("a", mib)}, body: text(item)},
		{name: "5000 headers", path: "/v1/score", header: lines, body: text(item)},
		{name: "a model's name of 50 KiB in the URL", path: "/get_reward?model=" + strings.Repeat("%01", 50*kib/3), want: refusal, brief: true, body: text(`{"query":["1"]}`)},
		{name: "a path of 1 MiB", path: "/" + strings.Repeat("a", mib), want: []int{404, 431}, body: text(item)},
		{name: "16 MiB to nowhere", path: "/nowhere", want: []int{404}, body: text(large)},
		{name: "16 MiB with another method", method: "DELETE", path: "/v1/score", want: []int{405}, body: text(large)},
		get("/healthz"), get("/readyz"), get("/metrics"), get("/openapi.json"), get("/docs"), get("/v1/models"), get("/nowhere"),
	}
}
