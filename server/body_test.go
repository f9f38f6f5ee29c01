package server

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server/problem"
)

// TestBodiesThatAreNotFramedAsTheySay: what is wrong with them is the client's fault, and it is told so, even after it
// has closed its side of the connection.
func TestBodiesThatAreNotFramedAsTheySay(t *testing.T) {
	url, _, _ := started(t, newServer(t, &fakeEngine{}, Options{}))
	const head = "POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for name, body := range map[string]string{
		"a chunk whose length is no number":   "Transfer-Encoding: chunked\r\n\r\nhello\r\n",
		"a chunk that is longer than it says": "Transfer-Encoding: chunked\r\n\r\n2\r\n{\"items\"\r\n",
		"a chunk of a length without end":     "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1", 100) + "\r\n",
		"a chunk with an extension too long":  "Transfer-Encoding: chunked\r\n\r\n2;" + strings.Repeat("a", 10_000) + "\r\n{}\r\n",
		"chunks without end":                  "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
		"a trailer that is none":              "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nhello\r\n\r\n",
		"fewer bytes than said":               "Content-Length: 100\r\n\r\n{}",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, head+body)
		if half, ok := conn.(*net.TCPConn); ok && err == nil {
			err = half.CloseWrite()
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(conn)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _ = conn.Close(); !strings.HasPrefix(string(text), "HTTP/1.1 400 ") || !strings.Contains(string(text), `"bad_body"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func deflated(tb testing.TB, text string) string {
	tb.Helper()
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func gzipped(tb testing.TB, text string) string {
	tb.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := io.WriteString(w, text)
	if err != nil || w.Close() != nil {
		tb.Fatal(err)
	}
	return out.String()
}

func zstandard(tb testing.TB, text string) string {
	tb.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
	if err != nil {
		tb.Fatal(err)
	}
	_, err = io.WriteString(w, text)
	if err != nil || w.Close() != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// TestEncodedBodies: a body of gzip, deflate or zstd asks what it asks as it is; every other encoding, and two of them,
// are refused, and so is what does not decode. The cap is of the decoded bytes.
func TestEncodedBodies(t *testing.T) {
	const most = 1000
	s := newServer(t, &fakeEngine{}, Options{MaxBody: most})
	fits := `{"items":[{"text":"` + strings.Repeat("a", most-len(`{"items":[{"text":""}]}`)) + `"}]}`
	bomb := strings.Repeat(" ", 1<<22)
	zip, zst := gzipped(t, fits), zstandard(t, fits)
	for _, test := range []struct {
		name, encoding, body string
		status               int
		code                 string
	}{
		{"gzip", "gzip", zip, 200, ""},
		{"gzip by its old name", "X-GZIP", zip, 200, ""},
		{"gzip in two members", "gzip", gzipped(t, fits[:500]) + gzipped(t, fits[500:]), 200, ""},
		{"zstd", "zstd", zst, 200, ""},
		{"deflate", "deflate", deflated(t, fits), 200, ""},
		{"deflate that ends early", "deflate", deflated(t, fits)[:20], 400, problem.CodeBadBody},
		{"deflate with a wrong sum", "deflate", deflated(t, fits)[:len(deflated(t, fits))-4] + "1234", 400, problem.CodeBadBody},
		{"deflate with more behind it", "deflate", deflated(t, fits) + "more", 400, problem.CodeBadBody},
		{"no deflate", "deflate", fits, 400, problem.CodeBadBody},
		{"a bomb, deflate", "deflate", deflated(t, bomb), 413, problem.CodeBodyTooLarge},
		{"zstd in two frames", "zstd", zstandard(t, fits[:500]) + zstandard(t, fits[500:]), 200, ""},
		{"as it is", "identity", fits, 200, ""},
		{"brotli", "br", zip, 415, problem.CodeMediaType},
		{"twice", "gzip, gzip", gzipped(t, zip), 415, problem.CodeMediaType},
		{"twice, differently", "gzip, zstd", zip, 415, problem.CodeMediaType},
		{"nonsense", strings.Repeat("g", 5000), zip, 415, problem.CodeMediaType},
		{"gzip that ends early", "gzip", zip[:len(zip)-9], 400, problem.CodeBadBody},
		{"gzip of nothing", "gzip", "x", 400, problem.CodeBadBody},
		{"gzip with a wrong sum", "gzip", zip[:len(zip)-8] + "12345678", 400, problem.CodeBadBody},
		{"gzip with more behind it", "gzip", zip + "more", 400, problem.CodeBadBody},
		{"no gzip", "gzip", fits, 400, problem.CodeBadBody},
		{"zstd that ends early", "zstd", zst[:len(zst)-5], 400, problem.CodeBadBody},
		{"no zstd", "zstd", fits, 400, problem.CodeBadBody},
		{"zstd for gzip", "gzip", zst, 400, problem.CodeBadBody},
		{"zstd with a wide window", "zstd", "\x28\xb5\x2f\xfd\x00\x70\x01\x00\x00", 400, problem.CodeBadBody},
		{"one byte too many", "gzip", gzipped(t, fits+" "), 413, problem.CodeBodyTooLarge},
		{"one byte too many, zstd", "zstd", zstandard(t, fits+" "), 413, problem.CodeBodyTooLarge},
		{"a bomb", "zstd", zstandard(t, bomb), 413, problem.CodeBodyTooLarge},
		{"a bomb, gzip", "gzip", gzipped(t, bomb)[:most], 413, problem.CodeBodyTooLarge},
	} {
		response := do(t, s, "POST", "/v1/score", test.body, "Content-Encoding", test.encoding)
		if response.status != test.status {
			t.Errorf("%s: %d %s, want %d", test.name, response.status, response.body, test.status)
			continue
		}
		if test.status == 200 {
			continue
		}
		p := refusal(t, response)
		if p.Code != test.code || len(p.Detail) > 300 {
			t.Errorf("%s: %+v", test.name, p)
		}
		if accepted := response.header.Get("Accept-Encoding"); (accepted == "gzip, deflate, zstd") != (test.status == 415) {
			t.Errorf("%s: Accept-Encoding %q", test.name, accepted)
		}
	}
}

// TestABombTakesNoMoreThanABody: however much an encoded body promises, no more is allocated than a body of the cap
// takes.
func TestABombTakesNoMoreThanABody(t *testing.T) {
	s := newServer(t, &fakeEngine{}, Options{MaxBody: 1 << 20})
	for encoding, body := range map[string]string{
		"gzip":    gzipped(t, strings.Repeat(" ", 1<<27)),
		"deflate": deflated(t, strings.Repeat(" ", 1<<27)),
		"zstd":    zstandard(t, strings.Repeat(" ", 1<<27)),
	} {
		if len(body) > 1<<20 {
			t.Fatalf("%s: a bomb of %d bytes", encoding, len(body))
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if response := do(t, s, "POST", "/v1/score", body, "Content-Encoding", encoding); response.status != 413 {
			t.Errorf("%s: %d", encoding, response.status)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
			t.Errorf("%s: %d bytes were allocated for a body of %d whose cap is %d", encoding, grown, len(body), 1<<20)
		}
	}
}

// TestABodyIsNotKept while its request waits for the answer, however it was encoded.
func TestABodyIsNotKept(t *testing.T) {
	text := strings.Repeat(" ", 16<<20) + oneItem
	var kept uint64
	engine := &fakeEngine{score: func(context.Context, rewards.Request) (rewards.Answer, error) {
		kept = heapInUse()
		return fakeAnswer(fakeResults(1)), nil
	}}
	s := newServer(t, engine, Options{})
	for encoding, body := range map[string]string{"": text, "gzip": gzipped(t, text), "deflate": deflated(t, text), "zstd": zstandard(t, text)} {
		before := heapInUse()
		if got := do(t, s, "POST", "/v1/score", body, "Content-Encoding", encoding); got.status != 200 {
			t.Fatalf("%q: %d %s", encoding, got.status, got.body)
		}
		if grown := int64(kept) - int64(before); grown > 4<<20 {
			t.Errorf("%q: %d bytes are kept of a body of %d", encoding, grown, len(text))
		}
	}
	runtime.KeepAlive(text)
}

// FuzzEncodedBody: whatever bytes claim to be gzip, deflate or zstd, they are answered, within the cap.
func FuzzEncodedBody(f *testing.F) {
	for _, text := range []string{oneItem, "", strings.Repeat("a", 3000)} {
		f.Add("gzip", []byte(gzipped(f, text)))
		f.Add("deflate", []byte(deflated(f, text)))
		f.Add("zstd", []byte(zstandard(f, text)))
	}
	bodies := newBodies(2000)
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/score", bytes.NewReader(body))
		r.Header.Set("Content-Encoding", encoding)
		x, r := newExchange(httptest.NewRecorder(), r, 0, 0)
		read, err := bodies.read(x, r)
		if err != nil {
			if p := problem.Of(err); p.Status >= 500 {
				t.Fatal(fmt.Sprint(p))
			}
			return
		}
		if read.Len() > 2000 {
			t.Errorf("%d bytes", read.Len())
		}
		bodies.release(read)
	})
}
