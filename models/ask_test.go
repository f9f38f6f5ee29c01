package models

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
)

// TestReadIsEncodeAndCompute: the readings of items are those of the same items encoded one by one, with an error where
// one has no ids, and what they share is computed once.
func TestReadIsEncodeAndCompute(t *testing.T) {
	m := serve(t, filepath.Join("testdata", "bundles", "qwen3-reward-packed"))
	rapid.Check(t, func(t *rapid.T) {
		prompt := rapid.StringMatching(`[a-z0-9 ]{0,60}`).Draw(t, "prompt")
		var items []encode.Item
		for range rapid.IntRange(1, 6).Draw(t, "responses") {
			items = append(items, encode.Item{Prompt: &prompt, Response: new(rapid.StringMatching(`([a-z]{1,3} ){0,200}`).Draw(t, "response"))})
		}
		ask := Ask{Items: items}
		if err := m.Admit(t.Context(), ask); err != nil {
			t.Fatal(err)
		}
		readings, computed, err := m.Read(t.Context(), ask)
		if err != nil || len(readings) != len(items) {
			t.Fatal(len(readings), err)
		}
		tokens := 0
		for i, item := range items {
			r := readings[i]
			encoded, err := m.Encode(t.Context(), item, encode.TruncateError)
			if err != nil {
				if codeOf(r.Err) != codeOf(err) || r.Rows != nil || r.Tokens != encoded.Tokens {
					t.Fatalf("item %d: %v, %d tokens; alone %v", i, r.Err, r.Tokens, err)
				}
				continue
			}
			alone, err := m.ReadEncoded(t.Context(), Caller{}, []encode.Encoded{encoded})
			if err != nil || r.Err != nil || !slices.Equal(r.Rows[0], alone[0].Rows[0]) || r.Tokens != len(encoded.IDs) || r.Positions != 1 {
				t.Fatalf("item %d: %+v, alone %+v, %v", i, r, alone, err)
			}
			tokens += r.Tokens
		}
		if computed > tokens || tokens > 0 && computed < 0 {
			t.Fatalf("%d of %d tokens were computed", computed, tokens)
		}
	})
}

func codeOf(err error) string {
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return known.Code
	}
	return ""
}

// TestOneRequestKeepsToItsBudget: what is over it is refused whole, with the limit and the value, before it is rendered
// or else before it is computed; exactly as much as it may have is taken.
func TestOneRequestKeepsToItsBudget(t *testing.T) {
	reward, process := serve(t, filepath.Join("testdata", "bundles", "qwen3-reward-packed")), serve(t, filepath.Join("testdata", "bundles", "qwen3-process-packed"))
	prompt := strings.Repeat("a", 1000)
	responses := make([]encode.Item, 100)
	for i := range responses {
		responses[i] = encode.Item{Prompt: &prompt, Response: new("b")}
	}
	steps := slices.Repeat([]encode.Item{{Prompt: new("p"), Steps: []string{"a", "b", "c"}}}, 10)
	bytes := 100 * 1001
	for _, test := range []struct {
		name   string
		m      *Model
		items  []encode.Item
		budget Budget
		want   string // "": taken
	}{
		{"items", reward, responses, Budget{Items: 99, Text: bytes, Tokens: bytes, Steps: 1}, "has 100 items, and one request may have 99"},
		{"text", reward, responses, Budget{Items: 100, Text: bytes - 1, Tokens: bytes, Steps: 1}, "a prompt that they share counted in each"},
		{"steps", process, steps, Budget{Items: 100, Text: bytes, Tokens: bytes, Steps: 29}, "have 30 steps, and one request may have 29"},
		{"tokens", process, steps, Budget{Items: 100, Text: bytes, Tokens: 20, Steps: 30}, "and one request may have 20"},
		{"all of it", process, steps, Budget{Items: 10, Text: 10 * 4, Tokens: bytes, Steps: 30}, ""},
	} {
		m := *test.m
		m.budget = test.budget
		ask := Ask{Items: test.items}
		err := m.Admit(t.Context(), ask)
		if err == nil {
			_, _, err = m.Read(t.Context(), ask)
		}
		if test.want == "" && err != nil || test.want != "" && (codeOf(err) != fault.CodeBudget || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// TestADeadlineFailsItemsAndACancelledCallerAll: who still waits gets an answer for every item.
func TestADeadlineFailsItemsAndACancelledCallerAll(t *testing.T) {
	m := serve(t, filepath.Join("testdata", "bundles", "qwen3-reward-packed"))
	ask := Ask{Items: slices.Repeat([]encode.Item{{Prompt: new("p"), Response: new("r")}}, 20)}
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	readings, _, err := m.Read(late, ask)
	if err != nil || len(readings) != 20 {
		t.Fatal(len(readings), err)
	}
	for i := range readings {
		if !errors.Is(readings[i].Err, context.DeadlineExceeded) || readings[i].Rows != nil {
			t.Errorf("item %d: %v", i, readings[i].Err)
		}
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := m.Read(gone, ask); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits: %v", err)
	}
	if _, err := m.Tokenize(gone, ask); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waits for ids: %v", err)
	}
}

// TestSharedTokensAreCountedOnce: what a call computed is the tokens of the tree that its sequences make, less what was
// cached.
func TestSharedTokensAreCountedOnce(t *testing.T) {
	ids := func(n ...int64) encode.Encoded { return encode.Encoded{IDs: n} }
	for _, test := range []struct {
		name     string
		items    []encode.Encoded
		readings []Reading
		whole    bool
		want     int
	}{
		{"nothing shared", []encode.Encoded{ids(1, 2), ids(3)}, []Reading{{}, {}}, false, 3},
		{"one prefix of two", []encode.Encoded{ids(1, 2, 3), ids(1, 2, 4)}, []Reading{{Shared: 2}, {Shared: 2}}, false, 4},
		{"equal items", []encode.Encoded{ids(1, 2), ids(1, 2)}, []Reading{{Shared: 2}, {Shared: 2}}, false, 2},
		{"a failed item costs nothing", []encode.Encoded{ids(1, 2), ids(3, 4)}, []Reading{{Err: context.Canceled}, {}}, false, 2},
		{"cached", []encode.Encoded{ids(1, 2, 3, 4)}, []Reading{{Cached: 3}}, false, 1},
		{"cached and shared", []encode.Encoded{ids(1, 2, 3), ids(1, 2, 4)}, []Reading{{Shared: 2, Cached: 1}, {Shared: 2, Cached: 1}}, false, 3},
		{
			"an encoder's, which begin alike",
			[]encode.Encoded{ids(1, 2), ids(1, 3), ids(1, 2), ids(1, 3)},
			[]Reading{{Shared: 2}, {Shared: 2}, {Shared: 2}, {Shared: 2}},
			true, 4,
		},
	} {
		if got := computedTokens(test.items, test.readings, test.whole); got != test.want {
			t.Errorf("%s: %d tokens, not %d", test.name, got, test.want)
		}
	}
}

// TestVectorsOfTokensAreBounded: a request whose tokens would have more numbers than one may is refused before any
// forward, and one that has just so many is not. Another kind of model, and a graph that pools, have no such rows.
func TestVectorsOfTokensAreBounded(t *testing.T) {
	m := serve(t, filepath.Join("testdata", "families", "embedding-bert-tokens"))
	most := mostRows / 32 / 256 // of items of 256 tokens, whose vectors have 32 numbers
	items := slices.Repeat([]encode.Item{{InputIDs: slices.Repeat([]int64{7}, 256), EveryToken: true}}, most+1)
	outcomes, err := m.encode(t.Context(), Ask{Items: items[:most]}, false)
	if err != nil || len(outcomes[0].Positions) != 256 || outcomes[0].Positions[255] != 255 {
		t.Errorf("%d positions, %v", len(outcomes[0].Positions), err)
	}
	before := m.Stats().Computed
	_, _, err = m.Read(t.Context(), Ask{Items: items})
	want := "have vectors of 16785408 numbers together, and those of one request may have 16777216"
	if codeOf(err) != fault.CodeBudget || !strings.Contains(err.Error(), want) || m.Stats().Computed != before {
		t.Errorf("over the bound: %v", err)
	}
	for _, name := range []string{"bundles/qwen3-reward-packed", "families/embedding-bert-mean"} {
		m := serve(t, filepath.Join("testdata", name))
		readings, _, err := m.Read(t.Context(), Ask{Items: []encode.Item{{Text: new("owls"), EveryToken: true}}})
		if err != nil || codeOf(readings[0].Err) != fault.CodeItem {
			t.Errorf("%s: %v, %v", name, readings, err)
		}
	}
}
