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
		refused("/v1/score", "4 MiB of numbers as items", many(`{"items":[`, `1`, 2*mib, `]}`)),
		refused("/v1/score", "4 MiB of empty items", many(`{"items":[`, `{}`, 4*mib/3, `]}`)),
		refused("/v1/score", "4 MiB of empty items, one null", many(`{"items":[null,`, `{}`, 4*mib/3, `]}`)),
		refused("/v1/score", "32 MiB of empty items", many(`{"items":[`, `{}`, 32*mib/3-10, `]}`)).inLongForm(),
		refused("/v1/score", "4 MiB of strings as ids", many(`{"items":[{"input_ids":[`, `""`, 4*mib/3, `]}]}`)),
		refused("/v1/score", "4 MiB of ids", many(`{"items":[{"input_ids":[`, `1`, 2*mib, `]}]}`)),
		refused("/v1/score", "a million messages",
			many(`{"items":[{"messages":[`, `{"role":"user","content":"a"}`, 1_000_000, `]}]}`)),
		refused("/v1/rank", "a million blank messages",
			many(`{"responses":["1"],"messages":[`, `{}`, 1_000_000, `]}`)),
		refused("/v1/rank", "a million responses", many(`{"prompt":"a","responses":[`, `"1"`, 1_000_000, `]}`)),
		refused("/v1/compare", "a million responses", many(`{"prompt":"a","responses":[`, `""`, 1_000_000, `]}`)),
		refused("/v1/compare", "a million empty pairs", many(`{"pairs":[`, `{}`, 1_000_000, `]}`)),
		refused("/v1/steps", "a million empty items", many(`{"items":[`, `{}`, 1_000_000, `]}`)),
		refused("/v1/tokenize", "a million empty items",
			many(`{"model":"arith-rm","items":[`, `{}`, 1_000_000, `]}`)),
		refused("/get_reward", "a million queries", many(`{"query":[`, `""`, 1_000_000, `]}`)),
		refused("/get_reward", "numbers as queries", many(`{"query":[`, `1`, 2*mib, `]}`)),
		asked("/get_reward", "16 MiB of prompts beside one query",
			many(`{"query":["1"],"prompts":[`, `[]`, 16*mib/3, `]}`)),
		asked("/get_reward", "unknown key, a million deep",
			text(`{"query":["1"],"x":`, strings.Repeat("[", 1_000_000), strings.Repeat("]", 1_000_000), `}`)),
		briefly("/v1/score", "a model's name of 2 MiB of escapes",
			text(`{"model":"`, escapes, `","items":[{"text":"1"}]}`)),
		briefly("/v1/score", "truncate of 2 MiB of escapes", text(item, `,"truncate":"`, escapes, `"}`)),
		briefly("/v1/score", "activation of 2 MiB of escapes", text(item, `,"activation":"`, escapes, `"}`)),
		briefly("/v1/score", "label of 2 MiB of escapes", text(item, `,"label":"`, escapes, `"}`)),
		briefly("/v1/rank", "strategy of 2 MiB of escapes",
			text(`{"prompt":"a","responses":["1"],"strategy":"`, escapes, `"}`)),
		briefly("/v1/score", "explain of 2 MiB of escapes", text(item, `,"explain":"`, escapes, `"}`)),
		briefly("/v1/score", "a role of 2 MiB of escapes",
			text(`{"items":[{"messages":[{"role":"`, escapes, `","content":"a"}]}]}`)),
		briefly("/v1/score", "an unknown field of 2 MiB", text(`{"`, escapes, `":1}`)),
		refused("/v1/score", "features by 300,000 names",
			numbered(`{"items":[{"features":{"a":0,`, `"f%d":1`, 300_000, `}}]}`)),
		refused("/v1/score", "a user of 2 million numbers",
			many(`{"items":[{"text":"1","user":[`, `1`, 2_000_000, `]}]}`)),
		refused("/v1/score", "a million opening brackets", text(strings.Repeat("[", 1_000_000))),
		refused("/v1/score", "items in items, 100,000 deep", text(strings.Repeat(`{"items":[`, 100_000))),
		refused("/v1/score", "a timeout of 1e400", text(item, `,"timeout_ms":1e400}`)),
		refused("/v1/score", "a timeout of 4 MiB of digits",
			text(item, `,"timeout_ms":`, strings.Repeat("9", 4*mib), `}`)),
		refused("/v1/score", "an exponent of 4 MiB of digits",
			text(item, `,"timeout_ms":1e-`, strings.Repeat("9", 4*mib), `}`)),
		refused("/v1/score", "ids of 2^64 and -1", text(`{"items":[{"input_ids":[18446744073709551616,-1]}]}`)),
		refused("/v1/score", "items given twice", text(item, `,"items":[{"text":"2"}]}`)),
		refused("/v1/score", "a text given twice", text(`{"items":[{"text":"1","text":"2"}]}`)),
		refused("/v1/score", "200,000 models",
			text(`{`, strings.Repeat(`"model":"arith-rm",`, 200_000), `"items":[{"text":"1"}]}`)),
		refused("/v1/score", "keys in capitals", text(`{"Items":[{"TEXT":"1"}]}`)),
		refused("/v1/score", "4096 half surrogates", many(`{"items":[`, `{"text":"\ud800"}`, 4096, `]}`)),
		refused("/v1/score", "4 MiB of half surrogates",
			text(`{"items":[{"text":"`, strings.Repeat(`\udfff`, 4*mib/6), `"}]}`)),
		refused("/v1/score", "4 MiB that are not UTF-8",
			text(`{"items":[{"text":"`, strings.Repeat("\xff", 4*mib), `"}]}`)),
		asked("/v1/score", "4096 items, each bad", many(`{"items":[`, `{"prompt":"1"}`, 4096, `]}`)),
		asked("/v1/score", "4096 items, each with a bad role",
			many(`{"items":[`, `{"messages":[{"role":"`+strings.Repeat("x", 500)+`","content":"1"}]}`, 4096, `]}`)),
		refused("/v1/score", "32 MiB of blanks", text(strings.Repeat(" ", 32*mib))),
		refused("/v1/score", "a body behind the body", text(item, `}`, strings.Repeat("{}", mib))),
		refused("/v1/score", "no body", text("")),
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
		zip("zstd frame that says it has 2^60 bytes", func([]byte) []byte { return zstdContent(1 << 60) }, "", 400,
			413),
		zip("gzip cut short", func(b []byte) []byte { packed := gzipped(b); return packed[:len(packed)-9] }, item,
			400),
		zip("gzip that is none", func(b []byte) []byte { return b }, item, 400),
		zip("br is not taken", gzipped, item, 415),
		zip("gzip,gzip is not taken", func(b []byte) []byte { return gzipped(gzipped(b)) }, blanks, 415),
		{name: "33 MiB, over the cap", path: "/v1/score", want: []int{413}, body: text(strings.Repeat("1", 33*mib))},
		{
			name: "says 10 GiB, sends none", path: "/v1/score", want: []int{413},
			header: []string{"Content-Length: 10737418240"},
		},
		{
			name: "chunks over the cap", path: "/v1/score", want: []int{413},
			header: []string{"Transfer-Encoding: chunked"}, body: chunks(64*kib, 33*16),
		},
		{
			name: "a million chunks of a byte", path: "/v1/score", want: refusal,
			header: []string{"Transfer-Encoding: chunked"}, body: chunks(1, 1_000_000),
		},
		{
			name: "two lengths", path: "/v1/score", want: []int{400},
			header: []string{"Content-Length: 24", "Content-Length: 25"},
			body:   text(""), // net/http answers and closes, which resets what is unread
		},
		{
			name: "a length of -1", path: "/v1/score", want: []int{400}, header: []string{"Content-Length: -1"},
			body: text(""), // net/http answers and closes, which resets what is unread
		},
		{
			name: "two codings of the transfer", path: "/v1/score", want: []int{400, 501},
			header: []string{"Transfer-Encoding: gzip, chunked"}, body: text(""), // net/http answers and closes, which resets what is unread
		},
		{
			name: "a type of 60 KiB", path: "/v1/score", want: refusal,
			header: []string{"Content-Type: " + strings.Repeat("a", 60*kib)}, body: text(item),
		},
		{
			name: "an id of 60 KiB", path: "/v1/score",
			header: []string{"X-Request-Id: " + strings.Repeat("a", 60*kib)},
			body:   text(item),
		},
		{
			name: "headers of 1 MiB", path: "/v1/score", want: []int{431},
			header: []string{"X: " + strings.Repeat("a", mib)}, body: text(item),
		},
		{name: "5000 headers", path: "/v1/score", header: lines, body: text(item)},
		{
			name: "a model's name of 50 KiB in the URL", path: "/get_reward?model=" + strings.Repeat("%01", 50*kib/3),
			want: refusal, brief: true, body: text(`{"query":["1"]}`),
		},
		{name: "a path of 1 MiB", path: "/" + strings.Repeat("a", mib), want: []int{404, 431}, body: text(item)},
		{name: "16 MiB to nowhere", path: "/nowhere", want: []int{404}, body: text(large)},
		{
			name: "16 MiB with another method", method: "DELETE", path: "/v1/score", want: []int{405},
			body: text(large),
		},
		get("/healthz"), get("/readyz"), get("/metrics"), get("/openapi.json"), get("/docs"),
		get("/v1/models"), get("/nowhere"),
	}
}
