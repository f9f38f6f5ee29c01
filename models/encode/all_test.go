package encode

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
)

func codeOf(err error) string {
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return known.Code
	}
	return fmt.Sprint(err)
}

// TestAllIsEachAlone: items of one request have the ids that they have alone, in order; what is refused keeps nothing
// but its number of tokens.
func TestAllIsEachAlone(t *testing.T) {
	e, gate := fixture(t, "qwen3-reward-packed"), NewGate()
	rapid.Check(t, func(t *rapid.T) {
		prompt := rapid.StringMatching(`[a-z0-9 ]{0,60}`).Draw(t, "prompt")
		var items []Item
		for range rapid.IntRange(1, 80).Draw(t, "responses") { // from 65 on nobody counts tokens that are too many
			items = append(items, Item{Prompt: &prompt, Response: new(rapid.StringMatching(`([a-z] ){0,400}`).Draw(t, "response"))})
		}
		options := Options{KeepText: rapid.Bool().Draw(t, "keep")}
		all, err := e.All(t.Context(), gate, items, options, math.MaxInt)
		if err != nil || len(all) != len(items) {
			t.Fatal(len(all), err)
		}
		for i, item := range items {
			want, err := encodeWith(e, item, TruncateError)
			got := all[i]
			switch {
			case codeOf(got.Err) != codeOf(err) || got.Tokens > want.Tokens || err == nil && got.Tokens != want.Tokens || !slices.Equal(got.IDs, want.IDs) || !slices.Equal(got.Positions, want.Positions):
				t.Fatalf("item %d: %v, %d tokens; alone %v, %d", i, got.Err, got.Tokens, err, want.Tokens)
			case err != nil && (got.IDs != nil || got.Text != "" || got.Tokens == 0):
				t.Fatalf("a refused item keeps %d ids, %q, and is said to have %d tokens", len(got.IDs), got.Text, got.Tokens)
			case err == nil && (got.Text != "") != options.KeepText:
				t.Fatalf("text %q, to be kept: %v", got.Text, options.KeepText)
			}
		}
	})
}

// TestMessagesMayShareResponses: a response behind messages is the conversation with it as its last turn, and the
// messages stay as they are.
func TestMessagesMayShareResponses(t *testing.T) {
	e := fixture(t, "qwen3-reward-packed")
	shared := make([]chat.Message, 1, 8)
	shared[0] = chat.Message{Role: roleUser, Content: "What is 1 + 1?"}
	for _, response := range []string{"2", "It is 3."} {
		got, err := encodeWith(e, Item{Messages: shared, Response: &response}, TruncateError)
		want, err2 := encodeWith(e, Item{Prompt: &shared[0].Content, Response: &response}, TruncateError)
		if err != nil || err2 != nil || !slices.Equal(got.IDs, want.IDs) || got.Text != want.Text {
			t.Errorf("%q %v; as prompt %q %v", got.Text, err, want.Text, err2)
		}
	}
	if spare := shared[:2][1]; spare != (chat.Message{}) {
		t.Errorf("the shared messages now go on with %v", spare)
	}
}

// TestOneRequestHasItsTokensAlone: a request whose items have more tokens together than it may have is refused before
// all are encoded.
func TestOneRequestHasItsTokensAlone(t *testing.T) {
	e := fixture(t, "qwen3-reward-packed")
	text := strings.Repeat("a1 ", 60)
	one, err := encodeWith(e, Item{Text: &text}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	items := slices.Repeat([]Item{{Text: &text}}, 1000)
	if _, err := e.All(t.Context(), NewGate(), items, Options{}, 1000*len(one.IDs)); err != nil {
		t.Errorf("exactly as many as it may have: %v", err)
	}
	if _, err := e.All(t.Context(), NewGate(), items, Options{}, 10*len(one.IDs)); codeOf(err) != fault.CodeBudget || !strings.Contains(err.Error(), strconv.Itoa(10*len(one.IDs))) {
		t.Errorf("a hundred times as many: %v", err)
	}
}

// TestTextIsRefusedBeforeItIsTokenized: a text that must have too many tokens, since none is so long, is told so by its
// bytes; one whose tokens are to be cut has a limit of its own.
func TestTextIsRefusedBeforeItIsTokenized(t *testing.T) {
	e := fixture(t, "qwen3-reward-packed")
	long, longer := strings.Repeat("a", MaxText), strings.Repeat("a b ", MaxText/4+1)
	for _, test := range []struct {
		name     string
		text     string
		truncate Truncation
		want     string
	}{
		{"by the longest token", long, TruncateError, "the 320 tokens that limits.max_tokens"},
		{"by the limit of a text", longer, TruncateError, "an item may have 4194304"},
		{"by the limit of a text that is to be cut", longer, TruncateLeft, "an item may have 4194304"},
	} {
		got, err := encodeWith(e, Item{Text: &test.text}, test.truncate)
		if codeOf(err) != fault.CodeTooLong || !strings.Contains(fmt.Sprint(err), test.want) || got.IDs != nil {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	ids := slices.Repeat([]int64{5}, 1<<20)
	if got, err := encodeWith(e, Item{InputIDs: ids}, TruncateError); codeOf(err) != fault.CodeTooLong || got.Tokens != len(ids) {
		t.Errorf("%d ids: %v, %d tokens", len(ids), err, got.Tokens)
	}
}

// TestEncodingEndsWithItsContext: nobody's items are encoded, and the error is the context's.
func TestEncodingEndsWithItsContext(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"qwen3-reward-packed", "qwen3-process-packed"} {
		e := fixture(t, name)
		items := slices.Repeat([]Item{{Prompt: new("p"), Response: new("a b"), Separator: new(" ")}}, 100)
		if name == "qwen3-reward-packed" {
			items = slices.Repeat([]Item{{Prompt: new("p"), Response: new("a b")}}, 100)
		}
		all, err := e.All(gone, NewGate(), items, Options{}, math.MaxInt)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			if !errors.Is(all[i].Err, context.Canceled) {
				t.Fatalf("%s: item %d: %v", name, i, all[i].Err)
			}
		}
		if _, err := e.Encode(gone, items[0], Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTheGateHoldsBytesAndItems: what is encoded at once stays within the gate's bounds, whoever asks, and who waits
// leaves with its context.
func TestTheGateHoldsBytesAndItems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := NewGate()
		var inside, bytes atomic.Int64
		work := func(size int) {
			weight := gate.weight(size)
			if err := gate.enter(t.Context(), weight); err != nil {
				t.Error(err)
				return
			}
			if n, b := inside.Add(1), bytes.Add(weight); b > gate.most || n > int64(runtime.GOMAXPROCS(0)) {
				t.Errorf("%d items of %d bytes at once", n, b)
			}
			time.Sleep(time.Millisecond) // of the bubble: all that can enter have
			inside.Add(-1)
			bytes.Add(-weight)
			gate.leave(weight)
		}
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() { work(i * gateLeast / 10) })
		}
		group.Wait()
		all := gate.weight(math.MaxInt)
		if err := gate.enter(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		waits, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() {
			done <- gate.enter(waits, 1)
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("who waited left with %v", err)
		}
		gate.leave(all)
	})
}

// TestBOSBeyondThePolicyCountsNothing: those that the policy takes away leave an item as long as it is without them, in
// a request of one item and of many, as text and as ids.
func TestBOSBeyondThePolicyCountsNothing(t *testing.T) {
	for _, name := range []string{"llama-reward-packed", "mistral-reward-packed", "gemma2-reward-packed"} {
		e := fixture(t, name)
		bos, limit := *e.manifest.Tokenizer.BOSID, e.manifest.Limits.MaxTokens
		ids := append(slices.Repeat([]int64{bos}, 40), slices.Repeat([]int64{7}, limit-1)...)
		text := strings.Repeat(e.tokens.Decode(bos), 40) + "a b c"
		for _, item := range []Item{{InputIDs: ids}, {Text: &text}} {
			for _, n := range []int{1, 65} {
				all, err := e.All(t.Context(), NewGate(), slices.Repeat([]Item{item}, n), Options{}, math.MaxInt)
				if err != nil || all[0].Err != nil || len(all[0].IDs) > limit {
					t.Errorf("%s: %d items: %v, %v", name, n, err, all[0].Err)
				}
			}
		}
	}
}

// TestEveryFieldThatATemplateSeesCosts: no part of an item is rendered for nothing.
func TestEveryFieldThatATemplateSeesCosts(t *testing.T) {
	long, e, process := strings.Repeat("x", 1000), fixture(t, "qwen3-reward-packed"), fixture(t, "qwen3-process-packed")
	for name, item := range map[string]Item{
		"role": {Messages: []chat.Message{{Role: long}}}, "content": {Messages: []chat.Message{{Role: "user", Content: long}}},
		"prompt": {Prompt: &long}, "response": {Response: &long}, "text": {Text: &long}, "first": {First: &long}, "second": {Second: &long},
		"steps": {Steps: []string{long}}, "ids": {InputIDs: make([]int64, 1000)},
	} {
		if cost := e.Cost(&item); cost < len(long) {
			t.Errorf("%s: 1000 bytes cost %d", name, cost)
		}
		if least := process.LeastTokens(&item); least > process.manifest.Limits.MaxTokens {
			t.Errorf("%s: the least tokens are %d, more than the model reads", name, least)
		}
	}
}
