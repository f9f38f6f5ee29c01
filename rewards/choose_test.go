package rewards

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/recipes"
)

// choiceModel is a tiny Qwen3 that is asked for candidates; its golden pairs are transformers'.
var choiceModel = filepath.Join("..", "families", "choice-qwen3")

func choose(candidates []string, items ...encode.Item) Request {
	return Request{Question: Choose, Items: items, Candidates: candidates}
}

// TestChooseIsTheSoftmaxOfTheReferencesLogits: choice, probabilities and share follow from the reference's logits and
// its log-sum, and none of them moves with what else is asked.
func TestChooseIsTheSoftmaxOfTheReferencesLogits(t *testing.T) {
	e, all := fixtures(t, choiceModel)
	pairs, err := all[0].Golden()
	if err != nil {
		t.Fatal(err)
	}
	items := make([]encode.Item, len(pairs))
	for i := range pairs {
		items[i] = *pairs[i].Item
	}
	together, err := e.Ask(t.Context(), choose(nil, items...))
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range pairs {
		got := together.Choices[i]
		if got.Err != nil || len(got.Candidates) != len(pair.Logits) || got.Tokens.Tokens != len(pair.IDs[0]) {
			t.Fatalf("item %d: %+v", i, got)
		}
		sum, share := 0.0, 0.0
		for _, logit := range pair.Logits {
			sum, share = sum+math.Exp(logit), share+math.Exp(logit-*pair.LogSum)
		}
		for k, c := range got.Candidates {
			if want := math.Exp(pair.Logits[k]) / sum; c.Text != pair.Item.Candidates[k] || c.ID != pair.Tokens[k] || math.Abs(c.Probability-want) > 1e-5 {
				t.Errorf("item %d: candidate %+v, and the reference has token %d with probability %g", i, c, pair.Tokens[k], want)
			}
		}
		if best := slices.Index(pair.Logits, slices.Max(pair.Logits)); got.Best != best || math.Abs(got.Share-share) > 1e-5 {
			t.Errorf("item %d: best %d with a share of %g, and the reference has %d and %g", i, got.Best, got.Share, best, share)
		}
		alone, err := e.Ask(t.Context(), choose(nil, items[i]))
		if err != nil {
			t.Fatal(err)
		}
		same := got
		same.Tokens = alone.Choices[0].Tokens // of which others may have shared some
		if diff := cmp.Diff(alone.Choices[0], same); diff != "" {
			t.Errorf("item %d alone and with the others: %s", i, diff)
		}
	}
}

// TestCandidatesDoNotMoveEachOther: a candidate's logit, and the log-sum, are the same bits whatever others are asked
// for and in whatever order, so that probabilities of a subset can be made of them.
func TestCandidatesDoNotMoveEachOther(t *testing.T) {
	e, _ := fixtures(t, choiceModel)
	item := encode.Item{Prompt: new("Which letter?")}
	letters := strings.Split("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "")
	whole, err := e.Ask(t.Context(), choose(letters, item))
	if err != nil {
		t.Fatal(err)
	}
	reversed := slices.Clone(letters)
	slices.Reverse(reversed)
	for _, some := range [][]string{{"Q"}, {"B", "A"}, reversed} {
		part, err := e.Ask(t.Context(), choose(some, item))
		if err != nil {
			t.Fatal(err)
		}
		if part.Choices[0].LogSum != whole.Choices[0].LogSum {
			t.Errorf("log-sum %g of %q, and %g of all", part.Choices[0].LogSum, some, whole.Choices[0].LogSum)
		}
		for _, c := range part.Choices[0].Candidates {
			if of := whole.Choices[0].Candidates[slices.Index(letters, c.Text)]; of.Logit != c.Logit || of.ID != c.ID {
				t.Errorf("%q: %+v among %q, and %+v among all", c.Text, c, some, of)
			}
		}
	}
	if u := whole.Usage; u.Items != len(letters) || u.Computed >= 2*u.Tokens/len(letters)+len(letters) {
		t.Errorf("%d tokens computed for %d candidates of %d tokens together: the prompt is not shared", u.Computed, u.Items, u.Tokens)
	}
}

// TestAnItemsCandidatesFailItAlone: what is wrong with candidates is said of their item, and of no other.
func TestAnItemsCandidatesFailItAlone(t *testing.T) {
	e, _ := fixtures(t, choiceModel)
	prompt := new("Yes or no?")
	for _, test := range []struct {
		name string
		item encode.Item
		code string
		says string
	}{
		{"two tokens", encode.Item{Prompt: prompt, Candidates: []string{"Y", "Q7"}}, fault.CodeItem, `"Q7" is 2 tokens behind the prompt`},
		{"melts", encode.Item{Text: new("A 12"), Candidates: []string{"\u0301"}}, fault.CodeItem, "behind"},
		{"twice", encode.Item{Prompt: prompt, Candidates: []string{"Y", "Y"}}, failure.CodeInvalidField, `candidates[1]: "Y" is given twice`},
		{"empty", encode.Item{Prompt: prompt, Candidates: []string{"Y", ""}}, failure.CodeInvalidField, "candidates[1]: is empty"},
		{"none", encode.Item{Prompt: prompt, Candidates: []string{}}, failure.CodeInvalidField, "neither the item nor the request has any"},
		{"too many", encode.Item{Prompt: prompt, Candidates: slices.Repeat([]string{"Y"}, 257)}, failure.CodeInvalidField, "there must be 1 to 256"},
		{"ids", encode.Item{InputIDs: []int64{7, 8}}, fault.CodeItem, "input_ids do not show"},
		{"response", encode.Item{Prompt: prompt, Response: prompt}, fault.CodeItem, "the item has a response"},
		{"no form", encode.Item{}, fault.CodeItem, "none of messages, prompt, text"},
		{"too long", encode.Item{Text: new(strings.Repeat("a ", 2000))}, fault.CodeTooLong, "limits.max_tokens"},
	} {
		fine := encode.Item{Messages: []chat.Message{{Role: "user", Content: "Yes or no?"}}}
		answer, err := e.Ask(t.Context(), choose([]string{"Y", "N"}, fine, test.item, fine))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if of := answer.Choices[1].Err; of == nil || of.Code != test.code || !strings.Contains(of.Detail, test.says) {
			t.Errorf("%s: %v", test.name, of)
		}
		for _, i := range []int{0, 2} {
			if answer.Choices[i].Err != nil || answer.Choices[i].Candidates[0].Logit != answer.Choices[0].Candidates[0].Logit {
				t.Errorf("%s: item %d: %+v", test.name, i, answer.Choices[i])
			}
		}
		if asked, failed := answer.Items(); asked != 3 || failed != 1 {
			t.Errorf("%s: %d asked, %d failed", test.name, asked, failed)
		}
	}
}

// TestChooseIsHeldToItsBudget: of candidates that all items may have, of the answer's numbers, and of tokens, which are
// cut from the left alone.
func TestChooseIsHeldToItsBudget(t *testing.T) {
	e, all := fixtures(t, choiceModel)
	prompt := encode.Item{Prompt: new("Yes or no?")}
	for _, test := range []struct {
		candidates []string
		items      int
		code, says string
	}{
		{slices.Repeat([]string{"Y"}, 257), 1, failure.CodeInvalidField, "candidates: 257 are given, and there must be 1 to 256"},
		{[]string{"Y", "Y"}, 1, failure.CodeInvalidField, "given twice"},
		{[]string{}, 1, failure.CodeInvalidField, "0 are given"},
		{strings.Split("ABCDEFGHIJKLMNOPQRSTUVWXYZ", ""), 160, fault.CodeBudget, "4160 items, and one request may have 4096"},
	} {
		_, err := e.Ask(t.Context(), choose(test.candidates, slices.Repeat([]encode.Item{prompt}, test.items)...))
		if of := failure.Of(err); of == nil || of.Code != test.code || !strings.Contains(of.Detail, test.says) {
			t.Errorf("%d candidates of %d items: %v", len(test.candidates), test.items, err)
		}
	}
	limit := all[0].Info().Manifest.Limits.MaxTokens
	long := encode.Item{Text: new(strings.Repeat("a", 3*limit) + " so Y or N? ")}
	request := choose([]string{"Y", "N"}, long)
	request.Truncate = encode.TruncateLeft
	cut, err := e.Ask(t.Context(), request)
	if err != nil || cut.Choices[0].Err != nil || cut.Choices[0].Tokens.Tokens != limit-1 || cut.Choices[0].Truncated == 0 {
		t.Errorf("cut from the left: %+v, %v", cut.Choices, err)
	}
	request.Truncate = encode.TruncateRight
	cut, err = e.Ask(t.Context(), request)
	if err != nil || cut.Choices[0].Err == nil || cut.Choices[0].Err.Code != fault.CodeTooLong {
		t.Errorf("cut from the right: %+v, %v", cut.Choices, err)
	}
}

// TestWhoAnswersChoose: a choice model answers no other question but tokenize, and no other model answers choose.
func TestWhoAnswersChoose(t *testing.T) {
	e, _ := fixtures(t, choiceModel, "qwen2-reward-packed")
	item := encode.Item{Text: new("Yes or no? ")}
	score, err := e.Ask(t.Context(), Request{Question: Score, Model: "choice-qwen3", Items: []encode.Item{item}})
	if of := failure.Of(err); of == nil || of.Code != fault.CodeKind || !strings.Contains(of.Detail, "a choice model answers choose, tokenize") {
		t.Errorf("score of a choice model: %+v, %v", score, err)
	}
	if _, err := e.Ask(t.Context(), Request{Question: Choose, Model: "qwen2-reward-packed", Items: []encode.Item{item}, Candidates: []string{"Y"}}); err == nil {
		t.Error("a reward model answers choose")
	}
	if answer, err := e.Ask(t.Context(), choose([]string{"Y", "N"}, item)); err != nil || answer.Model != "choice-qwen3" {
		t.Errorf("choose without a name: %+v, %v", answer, err)
	}
	item.Candidates = []string{"Y"}
	answer, err := e.Ask(t.Context(), Request{Question: Score, Items: []encode.Item{item}})
	if err != nil || answer.Results[0].Err == nil || !strings.Contains(answer.Results[0].Err.Detail, "candidates are for choice models") {
		t.Errorf("candidates of a score: %+v, %v", answer.Results, err)
	}
}

// TestARecipeOfCandidates: a reading of candidates is what choose gives of them.
func TestARecipeOfCandidates(t *testing.T) {
	e, all := fixtures(t, choiceModel)
	pairs, err := all[0].Golden()
	if err != nil {
		t.Fatal(err)
	}
	name := all[0].Info().Manifest.Name
	items := []encode.Item{*pairs[0].Item, {Prompt: new("And now?"), Response: new("read by nobody")}}
	candidates := pairs[0].Item.Candidates[:2]
	items[0].Candidates = nil
	r, err := recipes.Parse(fmt.Appendf(nil, "recipe: 1\nname: agree\nreadings: {c: {gives: candidates, labels: [%q, %q]}}\nscore: c[%q] - c[%q]\n",
		candidates[0], candidates[1], candidates[0], candidates[1]))
	if err == nil {
		err = e.Serve(r, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	got := ask(t, e, Request{Question: Score, Model: "agree", Items: items})
	items[1].Response = nil
	request := choose(candidates, items...)
	request.Model = name
	want := ask(t, e, request)
	for i := range items {
		of := want.Choices[i].Candidates
		if got.Results[i].Err != nil || got.Results[i].Score != of[0].Probability-of[1].Probability || got.Results[i].Parts[0].Scores[candidates[1]] != of[1].Probability {
			t.Errorf("item %d: %+v, and choose gives %+v", i, got.Results[i], of)
		}
	}
}

// TestTokensAreCandidates: candidates that are given as tokens have the logits of those that are given as texts, behind
// a text and behind its ids alike.
func TestTokensAreCandidates(t *testing.T) {
	e, all := fixtures(t, choiceModel)
	pairs, err := all[0].Golden()
	if err != nil {
		t.Fatal(err)
	}
	for i, pair := range pairs {
		texts, err := e.Ask(t.Context(), choose(nil, *pair.Item))
		if err != nil {
			t.Fatal(err)
		}
		bare := *pair.Item
		bare.Candidates = nil
		for name, item := range map[string]encode.Item{"as it is": bare, "ids": {InputIDs: pair.IDs[0]}} {
			tokens, err := e.Ask(t.Context(), Request{Question: Choose, Items: []encode.Item{item}, Tokens: pair.Tokens})
			if err != nil {
				t.Fatal(err)
			}
			want, got := texts.Choices[0], tokens.Choices[0]
			if got.Err != nil || got.Best != want.Best || got.LogSum != want.LogSum || got.Share != want.Share {
				t.Fatalf("item %d, %s: %+v, want %+v", i, name, got, want)
			}
			for k, c := range got.Candidates {
				if c.ID != pair.Tokens[k] || c.Text != "" || c.Logit != want.Candidates[k].Logit || c.Probability != want.Candidates[k].Probability {
					t.Errorf("item %d, %s: %+v, want %+v", i, name, c, want.Candidates[k])
				}
			}
		}
	}
}

func TestTokensAreBounded(t *testing.T) {
	e, _ := fixtures(t, choiceModel)
	ask := func(tokens ...int64) string {
		got, err := e.Ask(t.Context(), Request{Question: Choose, Items: []encode.Item{{Prompt: new("p")}}, Tokens: tokens})
		switch {
		case err != nil:
			return err.Error()
		case got.Choices[0].Err != nil:
			return got.Choices[0].Err.Detail
		}
		return ""
	}
	many := make([]int64, maxCandidates+1)
	for i := range many {
		many[i] = int64(i)
	}
	for want, got := range map[string]string{
		"":                                      ask(many[:maxCandidates]...),
		"tokens: 257 are given, and there must": ask(many...),
		"tokens[1]: 7 is given twice":           ask(7, 7),
		`candidates: model "choice-qwen3" has no token 320, and its vocabulary has 320`: ask(320),
		`candidates: model "choice-qwen3" has no token -1`:                              ask(-1),
	} {
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
	}
	e, _ = fixtures(t, "qwen2-reward-packed")
	if _, err := e.Ask(t.Context(), Request{Question: Choose, Items: []encode.Item{{Prompt: new("p")}}, Tokens: []int64{1}}); err == nil {
		t.Error("a reward model chose")
	}
}
