package encode

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
)

// TestAFrameStandsAroundEveryText: whatever form a text has and whatever words are in it, its ids are those of the text
// alone between the frame's, as its tokenizer would put them; ids that the client made stay as they are.
func TestAFrameStandsAroundEveryText(t *testing.T) {
	e := fixture(t, "../families/bert-text")
	before, after := e.manifest.Tokenizer.Around()
	if !slices.Equal(before, must(e.tokens.Encode("[CLS]"))) || !slices.Equal(after, must(e.tokens.Encode("[SEP]"))) {
		t.Fatalf("frame %v and %v, want those of [CLS] and [SEP]", before, after)
	}
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.SampledFrom([]string{"[CLS]", "[SEP]", "owl", " 12 ", "é日", "\n"}), 1, 8)
		text := strings.Join(pieces.Draw(t, "text"), "")
		want := slices.Concat(before, must(e.tokens.Encode(text)), after)
		turn := []chat.Message{{Role: "system", Content: "s"}, {Role: roleUser, Content: "p"}, {Role: roleAssistant, Content: text}}
		for form, item := range map[string]Item{
			"text": {Text: &text}, "prompt": {Prompt: new("p"), Response: &text}, "messages": {Messages: turn}, "input_ids": {InputIDs: want},
		} {
			got, err := encodeWith(e, item, TruncateError)
			if err != nil || !slices.Equal(got.IDs, want) || !slices.Equal(got.Positions, []int{len(want) - 1}) {
				t.Fatalf("%s: %+v, %v; want ids %v", form, got, err, want)
			}
		}
	})
	if got, err := encodeWith(e, Item{InputIDs: []int64{9, 8}}, TruncateError); err != nil || !slices.Equal(got.IDs, []int64{9, 8}) {
		t.Errorf("ids without a frame became %v, %v", got.IDs, err)
	}
}

// TestAFrameIsKept: a text that is too long loses tokens of its own, at its end as the tokenizer's own truncation does
// or at its beginning, and never the frame; it is refused where nothing else would be left. The second model's template
// writes more behind a response than the frame, which a text that a client gives does not end with.
func TestAFrameIsKept(t *testing.T) {
	single, tagged := fixture(t, "../families/bert-text"), fixture(t, "../families/xlm-roberta-text")
	if tail, _ := tagged.Tail(); tail < 2 {
		t.Fatalf("the template writes %d tokens behind a response, and the frame is one of them", tail)
	}
	rapid.Check(t, func(r *rapid.T) {
		fixed := rapid.SampledFrom([]*Encoder{single, tagged}).Draw(r, "model")
		before, after := fixed.manifest.Tokenizer.Around()
		e := changed(fixed)
		text := rapid.StringMatching(`[a-p0-9 ]{8,60}[a-e]`).Draw(r, "text")
		own := must(e.tokens.Encode(text))
		limit := rapid.IntRange(1, len(own)+1).Draw(r, "limit")
		e.manifest.Limits.MaxTokens = limit
		items := map[string]Item{"text": {Text: &text}, "ids": {InputIDs: slices.Concat(before, own, after)}}
		if fixed == single {
			items["response"] = Item{Prompt: new("p"), Response: &text}
		}
		for form, item := range items {
			for how, kept := range map[Truncation]func(n int) []int64{
				TruncateRight: func(n int) []int64 { return own[:n] },
				TruncateLeft:  func(n int) []int64 { return own[len(own)-n:] },
			} {
				got, err := encodeWith(&e, item, how)
				n := limit - len(before) - len(after)
				if n < 1 {
					refusedItem(t, err, fault.CodeTooLong, "leaves no room beside the template's own tokens")
					continue
				}
				want := slices.Concat(before, kept(n), after)
				if err != nil || !slices.Equal(got.IDs, want) || got.Truncated != len(own)-n {
					r.Fatalf("%s cut %s to %d: %v, %d cut, %v; want %v", form, how, limit, got.IDs, got.Truncated, err, want)
				}
			}
			_, err := encodeWith(&e, item, TruncateError)
			refusedItem(t, err, fault.CodeTooLong, "truncate: left or right would cut it")
		}
	})
}

// TestIDsWithoutAFrameAreCut: what a client made without the frame has none to keep.
func TestIDsWithoutAFrameAreCut(t *testing.T) {
	e := changed(fixture(t, "../families/bert-text"))
	e.manifest.Limits.MaxTokens = 2
	for how, want := range map[Truncation][]int64{TruncateRight: {9, 8}, TruncateLeft: {8, 7}} {
		if got, err := encodeWith(&e, Item{InputIDs: []int64{9, 8, 7}}, how); err != nil || !slices.Equal(got.IDs, want) {
			t.Errorf("%s: %v, %v; want %v", how, got.IDs, err, want)
		}
	}
}
