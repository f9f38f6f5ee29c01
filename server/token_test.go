package server

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/problem"
)

func TestTokenFiles(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []Token
	}{
		"a token alone":  {"s3cret\n", []Token{{Token: "s3cret"}}},
		"with a sign":    {"=a+b/c==", []Token{{Token: "=a+b/c=="}}},
		"with blanks":    {"\n\r\n  s3cret\t\r\n", []Token{{Token: "s3cret"}}},
		"of many":        {"# ours\na\n\n  # theirs\nb name=b\n", []Token{{Token: "a"}, {Token: "b", Name: "b"}}},
		"in any order":   {"a rate=600000 class=bulk name=night", []Token{{Token: "a", Name: "night", Bulk: true, Rate: 600000}}},
		"interactive":    {"a class=interactive", []Token{{Token: "a"}}},
		"two of a name":  {"a name=n rate=5\nb name=n rate=5", []Token{{Token: "a", Name: "n", Rate: 5}, {Token: "b", Name: "n", Rate: 5}}},
		"two of no name": {"a rate=5\nb rate=6", []Token{{Token: "a", Rate: 5}, {Token: "b", Rate: 6}}},
	} {
		got, err := ParseTokens(test.text)
		if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(Token{})); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}
}

// TestTokenFilesThatAreWrong: the error names the line and the field, and shows no token and nothing that may be one.
func TestTokenFilesThatAreWrong(t *testing.T) {
	const secret = "hunter2"
	for text, want := range map[string]string{
		"":                                       "it holds no token",
		"# " + secret:                            "it holds no token",
		secret + " " + secret:                    "line 1: field 2: is none of name=, class=, rate=, state=, recipes= and models=",
		"a\n" + secret + " nme=b":                "line 2: field 2: is none of",
		secret + " name=":                        "line 1: name: must be of letters",
		secret + " name=a,b":                     "line 1: name: must be of letters",
		secret + " name=a name=b":                "line 1: name: given twice",
		secret + " class=batch":                  "line 1: class: must be interactive or bulk",
		secret + " name=a rate=0":                "line 1: rate: must be a whole number",
		secret + " rate=-5":                      "line 1: rate: must be a whole number",
		secret + " rate=1e6":                     "line 1: rate: must be a whole number",
		secret + " rate=9999999999999999999999":  "line 1: rate: must be a whole number",
		secret + "\n\n" + secret + " name=a":     "line 3: the token of line 1 again",
		secret + " name=a\nb name=a rate=5":      "line 2: name: line 1 has the same name with another class, rate, state, recipes or models",
		secret + " state=all":                    "line 1: state: must be read or write",
		secret + " name=a\nb name=a state=write": "line 2: name: line 1 has the same name with another class, rate, state, recipes or models",
		secret + " name=a\nb name=a class=bulk":  "line 2: name: line 1 has the same name with another class, rate, state, recipes or models",
		strings.Repeat(secret, 20_000):           "a line is longer than",
	} {
		_, err := ParseTokens(text)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

// byToken asks for a score with a token.
func byToken(t *testing.T, s *Server, token string) reply {
	t.Helper()
	return do(t, s, "POST", "/v1/score", oneItem, "Authorization", "Bearer "+token)
}

// TestCallersAreKnownByTheirTokens: each token is its caller's, and the requests, results, tokens and refusals of each
// caller with a name are counted apart.
func TestCallersAreKnownByTheirTokens(t *testing.T) {
	var seen []string
	engine := &fakeEngine{}
	s := newServer(t, engine, Options{Tokens: []Token{{Token: "a1", Name: "a"}, {Token: "a2", Name: "a"}, {Token: "b", Name: "b", Bulk: true}, {Token: "c"}, {Token: "d"}}})
	for i, want := range []string{"a", "a", "b", "", ""} {
		if got := s.keys[i].caller; got.name != want || got.bulk != (want == "b") {
			t.Errorf("token %d is %+v's", i, got)
		}
	}
	if s.keys[0].caller != s.keys[1].caller || s.keys[3].caller == s.keys[4].caller {
		t.Error("one name is one caller, and no name is one each")
	}
	for _, token := range []string{"a1", "a2", "a2", "b", "c", "nobody"} {
		seen = append(seen, strconv.Itoa(byToken(t, s, token).status))
	}
	if got := strings.Join(seen, " "); got != "200 200 200 200 200 401" {
		t.Errorf("statuses %s", got)
	}
	engine.score = func(context.Context, rewards.Request) (rewards.Answer, error) {
		return rewards.Answer{}, failure.New(failure.CodeQueueFull, "x")
	}
	byToken(t, s, "a1")
	want := `
		# HELP assay_caller_items_total Results in answers to a caller.
		# TYPE assay_caller_items_total counter
		assay_caller_items_total{caller="a"} 3
		assay_caller_items_total{caller="b"} 1
		# HELP assay_caller_refused_total Requests of a caller that were refused with 429.
		# TYPE assay_caller_refused_total counter
		assay_caller_refused_total{caller="a"} 1
		assay_caller_refused_total{caller="b"} 0
		# HELP assay_caller_requests_total Requests of a caller that were answered, refusals among them.
		# TYPE assay_caller_requests_total counter
		assay_caller_requests_total{caller="a"} 4
		assay_caller_requests_total{caller="b"} 1
		# HELP assay_caller_tokens_total Tokens of the sequences that were read for a caller.
		# TYPE assay_caller_tokens_total counter
		assay_caller_tokens_total{caller="a"} 9
		assay_caller_tokens_total{caller="b"} 3
	`
	if err := testutil.GatherAndCompare(s.metrics.registry, strings.NewReader(want), "assay_caller_items_total", "assay_caller_refused_total",
		"assay_caller_requests_total", "assay_caller_tokens_total"); err != nil {
		t.Error(err)
	}
}

// TestARateIsKept: a caller that has used its tokens up is refused until enough time has passed, whichever of its
// tokens it sends, and nobody else is.
func TestARateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, &fakeEngine{}, Options{Tokens: []Token{{Token: "a1", Name: "a", Rate: 6}, {Token: "a2", Name: "a", Rate: 6}, {Token: "b", Name: "b", Rate: 6}, {Token: "c"}}})
		for i, status := range []int{200, 200, 429, 429} { // an item has 3 tokens
			if got := byToken(t, s, []string{"a1", "a2"}[i%2]); got.status != status {
				t.Fatalf("request %d: %d %s", i, got.status, got.body)
			}
		}
		refused := byToken(t, s, "a1")
		if p := refusal(t, refused); p.Code != problem.CodeRateLimited || refused.header.Get("Retry-After") != "10" || !strings.Contains(p.Detail, `"a" may ask for 6 tokens a minute`) {
			t.Errorf("%+v, Retry-After %q", p, refused.header.Get("Retry-After"))
		}
		for _, token := range []string{"b", "c"} {
			if got := byToken(t, s, token); got.status != 200 {
				t.Errorf("%s: %d %s", token, got.status, got.body)
			}
		}
		time.Sleep(11 * time.Second)
		if got := byToken(t, s, "a2"); got.status != 200 {
			t.Errorf("after eleven seconds: %d %s", got.status, got.body)
		}
		if got := byToken(t, s, "a2"); got.status != 429 || got.header.Get("Retry-After") != "29" {
			t.Errorf("in debt: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
		}
	})
}

// TestOverTimeNoMoreThanTheRate: whatever a caller asks for and whenever, what it got in a time is no more than its
// rate for that time, a full bucket, and the requests that were let in last; and one that keeps to its rate is never
// refused.
func TestOverTimeNoMoreThanTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 1000).Draw(t, "rate")
		now := time.Unix(0, 0)
		a := newAllowance(rate, now)
		var got float64
		largest := 0
		for range rapid.IntRange(1, 50).Draw(t, "requests") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "pause")))
			if wait := a.wait(now); wait > 0 {
				later := &allowance{perMinute: rate, left: a.left, at: a.at}
				if later.wait(now.Add(wait+time.Millisecond)) > 0 {
					t.Fatalf("refused after the wait of %s that it was told", wait)
				}
				continue
			}
			asked := rapid.IntRange(0, 3000).Draw(t, "tokens")
			a.charge(asked, now)
			got, largest = got+float64(asked), max(largest, asked)
			if most := float64(rate)*(1+now.Sub(time.Unix(0, 0)).Minutes()) + float64(largest); got > most+1e-6 {
				t.Fatalf("%v tokens by %s, and %v is the most", got, now, most)
			}
		}
	})
	a := newAllowance(60, time.Unix(0, 0))
	for second := range 3600 {
		now := time.Unix(int64(second), 0)
		if wait := a.wait(now); wait > 0 {
			t.Fatalf("second %d: wait %s", second, wait)
		}
		a.charge(1, now)
	}
}
