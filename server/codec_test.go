package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/server/native"
	"github.com/assay-rm/assay/server/wire"
)

// scoreBody is a request of n items.
func scoreBody(n int) string {
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"prompt":"What is %d + 30?","response":"It is \"%d\".\nSo the answer is %d."}`, i, i+30, i+30)
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

// decodes gives a function that decodes one body as the server does, again and again.
func decodes(tb testing.TB, body string) func() {
	tb.Helper()
	s := newServer(tb, &fakeEngine{}, Options{})
	reader := strings.NewReader(body)
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodPost, "/v1/score", reader)
	r.Header.Set("Content-Type", "application/json")
	x, r := newExchange(httptest.NewRecorder(), r, time.Minute, linger)
	return func() {
		reader.Reset(body)
		text, err := s.bodies.read(x, r)
		if err != nil {
			tb.Fatal(err)
		}
		var request wire.ScoreRequest
		if err := s.decode(text.Bytes(), &request); err != nil {
			tb.Fatal(err)
		}
		s.bodies.release(text)
	}
}

// encodes gives a function that writes an answer of n items as the server does, again and again.
func encodes(tb testing.TB, n int) func() {
	tb.Helper()
	answer := fakeAnswer(fakeResults(n))
	w := &discard{header: http.Header{}}
	return func() {
		w.status = 0
		if err := writeJSON(w, http.StatusOK, native.ScoreAnswer(&answer)); err != nil || w.status != http.StatusOK {
			tb.Fatal(w.status, err)
		}
	}
}

// discard is an answer that nobody reads.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header       { return d.header }
func (d *discard) WriteHeader(status int)    { d.status = status }
func (*discard) Write(p []byte) (int, error) { return len(p), nil }

// TestAllocations holds the wire to its ceilings: a few allocations for a request, those of its texts for an item, none
// for a token.
func TestAllocations(t *testing.T) {
	ids := `{"items":[{"input_ids":[1` + strings.Repeat(",12345", 9999) + `]}]}`
	for _, test := range []struct {
		name string
		run  func()
		most float64
	}{
		{"decode 1 item", decodes(t, scoreBody(1)), 18},
		{"decode 1 item with an id and metadata", decodes(t, `{"items":[{"prompt":"p","response":"r","id":"a","metadata":{"b":[1,2,3]}}]}`), 24},
		{"decode 1 item with columns", decodes(t, `{"items":[{"prompt":"p","response":"r","data_source":"a","extra_info":{"b":[1,2,3]}}]}`), 28},
		{"decode 1 item of messages", decodes(t, `{"items":[{"messages":[{"role":"user","content":"q","name":null},{"role":"assistant","content":"a"}]}]}`), 24},
		{"decode 4096 items", decodes(t, scoreBody(4096)), 6 * 4096},
		{"decode 10000 ids", decodes(t, ids), 70},
		{"encode 1 item", encodes(t, 1), 10},
		{"encode 4096 items", encodes(t, 4096), 20},
	} {
		if got := testing.AllocsPerRun(20, test.run); got > test.most {
			t.Errorf("%s: %v allocations, and the ceiling is %v", test.name, got, test.most)
		}
	}
}

// TestAnswersAreWrittenOnce: the length in the header is the body's, and the bytes are those of encoding/json.
func TestAnswersAreWrittenOnce(t *testing.T) {
	for _, n := range []int{1, 4096} {
		given := fakeAnswer(fakeResults(n))
		given.Model = "<&>\u2028é"
		answer := native.ScoreAnswer(&given)
		w := &pieces{discard: discard{header: http.Header{}}}
		if err := writeJSON(w, http.StatusOK, answer); err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(answer); err != nil {
			t.Fatal(err)
		}
		if len(w.bodies) != 1 || w.bodies[0] != want.String() || w.header.Get("Content-Length") != strconv.Itoa(want.Len()) {
			t.Errorf("%d items come in %d pieces, with the length %s", n, len(w.bodies), w.header.Get("Content-Length"))
		}
	}
}

// pieces keeps what is written, write by write.
type pieces struct {
	discard
	bodies []string
}

func (p *pieces) Write(body []byte) (int, error) {
	p.bodies = append(p.bodies, string(body))
	return len(body), nil
}

func BenchmarkDecode(b *testing.B) {
	benchmarkWire(b, func(n int) func() { return decodes(b, scoreBody(n)) })
}

func BenchmarkEncode(b *testing.B) { benchmarkWire(b, func(n int) func() { return encodes(b, n) }) }

func benchmarkWire(b *testing.B, prepare func(n int) func()) {
	b.Helper()
	for _, n := range []int{1, 4096} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			run := prepare(n)
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/item")
		})
	}
}
