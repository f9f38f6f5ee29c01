package rewards

import (
	"context"
	"errors"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
)

// TestARequestWalksOnce: whatever is asked, its model is found and released once, asked for admission once, and asked
// once for everything that is read, however many groups and responses there are.
func TestARequestWalksOnce(t *testing.T) {
	for _, test := range []struct {
		name    string
		of      manifest.Manifest
		request Request
		items   int64
	}{
		{"score", reward("r"), Request{Question: Score, Items: text("a", "b", "c")}, 3},
		{"rank", reward("r"), Request{Question: Rank, Groups: to("p", "a", "b", "c")}, 3},
		{"compare", reward("r"), Request{Question: Compare, Groups: to("p", "a", "b", "c")}, 3},
		{"pairs", reward("r"), Request{Question: Pairs, Groups: append(to("p", "a", "b"), to("q", "a", "b")...)}, 4},
		{"steps", process("none", "good", "good"), Request{Question: Steps, Items: text("a", "b")}, 2},
		{"rank of pairs", pairManifest("logit"), Request{Question: Rank, Groups: to("p", "a", "b", "c")}, 6},
		{"compare by pairs", pairManifest("logit"), Request{Question: Compare, Groups: to("p", "a", "b", "c")}, 6},
		{"pairs of pairs", pairManifest("logit"), Request{Question: Pairs, Groups: append(to("p", "a", "b"), to("q", "c", "d")...)}, 4},
		{"rank by preference", preferenceManifest(true), Request{Question: Rank, Groups: to("p", "a", "b", "c")}, 3},
		{"compare by preference", preferenceManifest(true), Request{Question: Compare, Groups: to("p", "a", "b", "c")}, 3},
		{"pairs by preference", preferenceManifest(true), Request{Question: Pairs, Groups: append(to("p", "a", "b"), to("q", "c", "d")...)}, 4},
	} {
		e, fakes := engineOf(t, test.of)
		s := fakes[0]
		answer := ask(t, e, test.request)
		if s.admits.Load() != 1 || s.reads.Load() != 1 || s.items.Load() != test.items || s.released.Load() != 1 {
			t.Errorf("%s: admitted %d times, read %d times, %d items, released %d times",
				test.name, s.admits.Load(), s.reads.Load(), s.items.Load(), s.released.Load())
		}
		if answer.Question != test.request.Question || answer.Model != test.of.Name || answer.Usage.Items != int(test.items) {
			t.Errorf("%s: answered %s by %q with %+v", test.name, answer.Question, answer.Model, answer.Usage)
		}
	}
	e, fakes := engineOf(t, reward("r"))
	ask(t, e, Request{Question: Tokenize, Items: text("a", "b")})
	if s := fakes[0]; s.tokenizes.Load() != 1 || s.reads.Load() != 0 || s.admits.Load() != 0 || s.released.Load() != 1 {
		t.Errorf("tokenize: asked %d times, read %d times, admitted %d times", s.tokenizes.Load(), s.reads.Load(), s.admits.Load())
	}
}

// TestAModelIsReleasedWhateverHappens: a request that is refused after its model was found holds nothing.
func TestAModelIsReleasedWhateverHappens(t *testing.T) {
	e, fakes := engineOf(t, reward("r"))
	fakes[0].read = func(context.Context, models.Ask) error { return errors.New("broken") }
	for _, request := range []Request{
		{Question: Score, Items: text("a"), Label: "none such"}, {Question: Score, Items: text("a")},
	} {
		if _, err := e.Ask(t.Context(), request); err == nil {
			t.Fatal("no error")
		}
	}
	if n := fakes[0].released.Load(); n != 2 {
		t.Errorf("released %d times", n)
	}
}

// TestNoSourceReadsForARequestThatAnotherRefuses: every source is asked for admission before any reads.
func TestNoSourceReadsForARequestThatAnotherRefuses(t *testing.T) {
	_, fakes := engineOf(t, reward("r"), process("none", "good", "good"))
	fakes[1].full = errors.New("full")
	needs := []need{{source: fakes[0], items: text("a")}, {source: fakes[1], items: text("a")}}
	if _, err := gather(t.Context(), models.Caller{}, needs); !errors.Is(err, fakes[1].full) || fakes[0].reads.Load() != 0 {
		t.Errorf("%v, after %d reads", err, fakes[0].reads.Load())
	}
	fakes[1].full = nil
	read, err := gather(t.Context(), models.Caller{}, needs)
	if err != nil || len(read[0].readings) != 1 || len(read[1].readings) != 1 || fakes[1].admits.Load() != 2 {
		t.Errorf("%v, %v", read, err)
	}
}

// TestWhatIsRefusedIsNotRead: items that cannot be read fail alone, in their places, and their mates are read without
// them.
func TestWhatIsRefusedIsNotRead(t *testing.T) {
	why := failure.New("bad_item", "is not Unicode")
	for _, test := range []struct {
		name    string
		of      manifest.Manifest
		request Request
		want    []string
		items   int64
	}{
		{"score", reward("r"), Request{Question: Score, Items: text("a", "bb", "ccc"), Refused: map[int]error{1: why}}, []string{"1", "bad_item", "3"}, 2},
		{"all", reward("r"), Request{Question: Score, Items: text("a"), Refused: map[int]error{0: why}}, []string{"bad_item"}, 0},
		{"rank", reward("r"), Request{Question: Rank, Groups: to("p", "a", "bb", "ccc"), Refused: map[int]error{0: why}}, []string{"bad_item", "4", "5"}, 2},
		{
			"pair model", pairManifest("logit"),
			Request{Question: Rank, Groups: to("p", "a", "bb", "ccc"), Refused: map[int]error{2: why}},
			[]string{"0.5", "0.5", "bad_item"},
			2,
		},
		{
			"preference model", preferenceManifest(true),
			Request{Question: Rank, Groups: to("p", "aa", "aa", "ccc"), Refused: map[int]error{2: why}},
			[]string{"0.5", "0.5", "bad_item"},
			2,
		},
	} {
		e, fakes := engineOf(t, test.of)
		answer := ask(t, e, test.request)
		got := codes(answer.Results)
		if fakes[0].items.Load() != test.items || len(got) != len(test.want) {
			t.Errorf("%s: %v of %d items", test.name, got, fakes[0].items.Load())
			continue
		}
		for i := range got {
			if got[i] != test.want[i] {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
				break
			}
		}
	}
	e, _ := engineOf(t, reward("r"))
	pairs := ask(t, e, Request{Question: Pairs, Groups: append(to("p", "a", "b"), to("p", "a", "b")...), Refused: map[int]error{3: why}}).Pairs
	if pairs[0].Err != nil || pairs[1].Err == nil || pairs[1].Err.Detail != "rejected: is not Unicode" {
		t.Errorf("%+v", pairs)
	}
	seen := ask(t, e, Request{Question: Tokenize, Items: text("a", "b"), Refused: map[int]error{0: why}}).Tokenized
	if seen[0].Err == nil || seen[1].Err != nil || seen[1].Text != "b" {
		t.Errorf("%+v", seen)
	}
}
