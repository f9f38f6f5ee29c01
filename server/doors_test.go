package server

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/server/wire"
)

// A door is a call of a protocol that gives numbers for items. Every door is held to the same laws: the raw value of an
// item is the native one, whatever the door; each item has one outcome, in order; none is a number where it failed; and
// a door costs little beside the native route.
type door struct {
	name    string // protocol: call
	method  string // empty: POST
	path    string
	headers []string
	most    int  // items of a call; 0: as many as one likes
	shared  bool // the items of a call have one prompt, the first one's

	// body asks for the rewards of items, each in the form that the door takes: a text that is rendered already, or a
	// prompt and a response.
	body func(items []doorItem) string
	// read gives the value of each item in the items' order, missing of one that failed. The error says that the door
	// refused the call, or that its answer has not the form that it should have.
	read func(got reply) ([]ops.Maybe, error)
	// of is what the protocol makes of a raw value; nil: it gives it as it is.
	of func(raw float64) float64
	// near is how far a value may be from what it should be: 0, but for doors that write float32.
	near float64
	// joins says that it makes one text of what it takes as two.
	joins bool
}

// doorItem is what is asked about. A door that takes a text takes prompt and response as one.
type doorItem struct{ prompt, response string }

func (i doorItem) text() string { return i.prompt + " " + i.response }

// doors is every door of every protocol.
var doors = slicesOf(openRLHFDoors, rerankDoors, teiDoors, nimDoors, infinityDoors, decisionDoors, oipDoors, gymDoors, evaluateDoors, orsDoors,
	vllmDoors, openAIDoors, sglangDoors, trainerDoors, graderDoors)

func slicesOf(all ...[]door) (doors []door) {
	for _, some := range all {
		doors = append(doors, some...)
	}
	return doors
}

// ask sends a call through a door.
func (d *door) ask(tb testing.TB, s *Server, items ...doorItem) reply {
	tb.Helper()
	return serve(s, doorRequest(tb, d, items))
}

// leave sends a call whose client has left.
func (d *door) leave(tb testing.TB, s *Server, items ...doorItem) reply {
	tb.Helper()
	r := doorRequest(tb, d, items)
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	return serve(s, r.WithContext(ctx))
}

// doorRequest is a call through a door.
func doorRequest(tb testing.TB, d *door, items []doorItem) *http.Request {
	tb.Helper()
	method := d.method
	if method == "" {
		method = "POST"
	}
	r := httptest.NewRequestWithContext(tb.Context(), method, d.path, strings.NewReader(d.body(items)))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(d.headers); i += 2 {
		r.Header.Set(d.headers[i], d.headers[i+1])
	}
	return r
}

func (d *door) holds(items int) bool { return d.most == 0 || items <= d.most }

// native is the raw value that the native route gives for an item in the form of a door, to all bits.
func (d *door) native(tb testing.TB, s *Server, item doorItem) float64 {
	tb.Helper()
	of := map[string]any{"prompt": item.prompt, "response": item.response}
	if !strings.Contains(d.body([]doorItem{{"PROMPT", "RESPONSE"}}), `"PROMPT"`) || d.joins {
		of = map[string]any{"text": item.text()}
	}
	got := do(tb, s, "POST", "/v1/score", asJSON(tb, map[string]any{"model": "arith-rm", "items": []any{of}}))
	answer := decoded[wire.ScoreAnswer](tb, got)
	if got.status != 200 || answer.Results[0].Raw == nil {
		tb.Fatalf("native: %d %s", got.status, got.body)
	}
	return *answer.Results[0].Raw
}

// TestEveryDoorGivesTheSameRaw of the same item, alone and beside others.
func TestEveryDoorGivesTheSameRaw(t *testing.T) {
	s := embeddedServer(t)
	items := make([]doorItem, 6)
	for i := range items {
		items[i] = doorItem{fmt.Sprintf("What is %d + %d?", 10+i, 7*i), fmt.Sprintf("The answer is %d.", 10+8*i+i%2)}
	}
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			check := func(items []doorItem) {
				got := d.ask(t, s, items...)
				values, err := d.read(got)
				if err != nil || len(values) != len(items) {
					t.Fatalf("%d values of %d items, %v: %d %s", len(values), len(items), err, got.status, got.body)
				}
				for i, value := range values {
					want := d.native(t, s, items[i])
					if d.of != nil {
						want = d.of(want)
					}
					if !value.Known || math.Abs(value.Value-want) > d.near {
						t.Errorf("item %d of %d: %v, want %v", i, len(items), value, want)
					}
				}
			}
			check(items[:1])
			if d.shared {
				items = slices.Clone(items)
				for i := range items {
					items[i].prompt = items[0].prompt
				}
			}
			if d.holds(len(items)) {
				check(items)
			}
		})
	}
}

// doorEngine scores an item by the number behind "is " in it, and finds one with "long" in it too long.
func doorEngine() *fakeEngine {
	return &fakeEngine{score: func(ctx context.Context, r rewards.Request) (rewards.Answer, error) {
		if err := ctx.Err(); err != nil {
			return rewards.Answer{}, err
		}
		var texts []string
		for i := range r.Items {
			texts = append(texts, doorText(&r.Items[i]))
		}
		for i := range r.Groups {
			texts = append(texts, r.Groups[i].Responses...)
		}
		results := make([]rewards.Result, len(texts))
		for i, text := range texts {
			if why := r.Refused[i]; why != nil {
				results[i].Err = failure.Of(why)
				continue
			}
			if strings.Contains(text, "long") {
				results[i].Err = failure.New(fault.CodeTooLong, "the item has 4 tokens, and the limit is 3")
				continue
			}
			_, behind, _ := strings.Cut(text, "is ")
			n, err := strconv.Atoi(behind)
			if err != nil {
				results[i].Err = failure.New(fault.CodeItem, "%q is no item", text)
				continue
			}
			results[i] = rewards.Result{Score: float64(n) / 8, Raw: ops.Some(float64(n) / 8), Tokens: rewards.Tokens{Tokens: 3}}
			if r.Activation == "sigmoid" {
				results[i].Score = ops.Sigmoid(results[i].Raw.Value)
			}
		}
		a := fakeAnswer(results)
		a.Question = r.Question
		a.Usage = rewards.Usage{Items: len(texts), Tokens: 3 * len(texts)}
		return a, nil
	}}
}

// doorText is all of an item that is a text.
func doorText(i *encode.Item) string {
	switch {
	case i.Text != nil:
		return *i.Text
	case i.Response != nil:
		return *i.Response
	case len(i.Messages) > 0:
		return i.Messages[len(i.Messages)-1].Content
	}
	return ""
}

const doorRequests = 10_000 // and a tenth of it under the race detector

// TestNoDoorLosesAnItem: 10,000 requests through each door, of which 3 % have an item that is bad, 3 % one that is too
// long, and 1 % are cancelled. Each has one answer, its items are in order, and none is a number where it failed.
func TestNoDoorLosesAnItem(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	requests := doorRequests
	if underRace {
		requests /= 10
	}
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			for i := range requests {
				items := []doorItem{{"p", fmt.Sprintf("is %d", i)}}
				if i%2 == 0 && d.holds(3) {
					items = append(items, doorItem{"p", fmt.Sprintf("is %d", i+1)}, doorItem{"p", fmt.Sprintf("is %d", i+2)})
				}
				spoilt := -1
				switch {
				case i%100 < 3:
					spoilt = i % len(items)
					items[spoilt].response = "is bad"
				case i%100 < 6:
					spoilt = i % len(items)
					items[spoilt].response = "is long"
				}
				if i%100 == 99 {
					got := d.leave(t, s, items...)
					if values, err := d.read(got); err == nil && len(values) > 0 && values[0].Known {
						t.Fatalf("request %d was cancelled and has a number: %d %s", i, got.status, got.body)
					}
					continue
				}
				got := d.ask(t, s, items...)
				values, err := d.read(got)
				if err != nil {
					if spoilt < 0 || got.status < 400 {
						t.Fatalf("request %d: %v: %d %s", i, err, got.status, got.body)
					}
					continue // the protocol has no room for the error of one item
				}
				if len(values) != len(items) {
					t.Fatalf("request %d: %d values of %d items: %d %s", i, len(values), len(items), got.status, got.body)
				}
				for at, value := range values {
					want := float64(i+at) / 8
					if d.of != nil {
						want = d.of(want)
					}
					if value.Known != (at != spoilt) || value.Known && math.Abs(value.Value-want) > d.near*max(1, math.Abs(want)) {
						t.Fatalf("request %d, item %d (spoilt: %d): %v, want %v: %d %s", i, at, spoilt, value, want, got.status, got.body)
					}
				}
			}
		})
	}
}

// mostOver is how many allocations a door may add to those of the native route.
const mostOver = 40

// TestADoorCostsLittle beside the native request of one item.
func TestADoorCostsLittle(t *testing.T) {
	s := newServer(t, doorEngine(), Options{})
	item, over := doorItem{"p", "is 1"}, float64(mostOver)
	if underRace {
		over += 15 // the detector makes pools forget
	}
	native := testing.AllocsPerRun(200, func() { do(t, s, "POST", "/v1/score", `{"items":[{"prompt":"p","response":"is 1"}]}`) })
	for _, d := range doors {
		body := d.body([]doorItem{item})
		got := testing.AllocsPerRun(200, func() { do(t, s, "POST", d.path, body, d.headers...) })
		if got > native+over {
			t.Errorf("%s: %v allocations, and the native route %v", d.name, got, native)
		}
	}
}

func BenchmarkDoors(b *testing.B) {
	s := newServer(b, doorEngine(), Options{})
	run := func(name, path, body string, headers ...string) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				do(b, s, "POST", path, body, headers...)
			}
		})
	}
	run("native", "/v1/score", `{"items":[{"prompt":"p","response":"is 1"}]}`)
	for _, d := range doors {
		run(strings.ReplaceAll(d.name, " ", "_"), d.path, d.body([]doorItem{{"p", "is 1"}}), d.headers...)
	}
}
