package rewards

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
	"github.com/assay-rm/assay/rewards/recipes"
)

// served is an engine of these manifests with these recipes.
func served(tb testing.TB, manifests []manifest.Manifest, texts ...string) (*Engine, fakes) {
	tb.Helper()
	e, sources := engineOf(tb, manifests...)
	for _, text := range texts {
		r, err := recipes.Parse([]byte("recipe: 1\n" + text))
		if err == nil {
			err = e.Serve(r, nil)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	return e, sources
}

const centred = "name: centred\nreadings: {r: {gives: score}}\nscore: r\ngroup:\n  values: {middle: mean(r)}\n  score: r - middle\n"

// The rewards of a group are by one another; what failed has its error, and counts nowhere.
func TestAGroupIsRewardedWithoutWhatFailed(t *testing.T) {
	e, sources := served(t, []manifest.Manifest{reward("r")}, centred)
	answer := ask(t, e, Request{Question: Rank, Model: "centred", Groups: to("p", "a", "lost", "abc", "nan")})
	known := 0.0
	for i, r := range answer.Results {
		if (r.Err != nil) != (i == 1) {
			t.Errorf("response %d: %+v", i, r)
		}
		known += r.Score
	}
	if math.Abs(known) > 1e-12 || fmt.Sprint(answer.Ranking) != "[2 3 0]" || math.Abs(answer.Values[0]["middle"]-(3+5+5)/3.0) > 1e-12 {
		t.Errorf("%+v, %v, sum %g", answer.Values, answer.Ranking, known)
	}
	if sources[0].reads.Load() != 1 || answer.Results[1].Score != 0 || answer.Results[1].Values != nil {
		t.Errorf("read %d times, %+v", sources[0].reads.Load(), answer.Results[1])
	}
	pairs := ask(t, e, Request{Question: Pairs, Model: "centred", Groups: append(to("p", "a", "abc"), to("q", "lost", "b")...)})
	if got := pairs.Pairs; got[0].Margin != -2 || got[1].Err == nil || got[1].Err.Code != failure.CodeDeadline || len(pairs.Values) != 2 {
		t.Errorf("%+v, %+v", got, pairs.Values)
	}
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "centred", Items: text("a")}); code(err) != fault.CodeKind ||
		err.Error() != `model: "centred" is a recipe, and answers rank and compare` {
		t.Errorf("score: %v", err)
	}
}

// A recipe of preferences gives each response its win rate, as the model alone does, and drops who could not be
// compared.
func TestAGroupByPreferences(t *testing.T) {
	for _, m := range []manifest.Manifest{pairManifest("logit"), preferenceManifest(true)} {
		e, sources := served(t, []manifest.Manifest{m}, "name: rates\nreadings: {p: {gives: preferences}}\ngroup: {score: win_rates(p)}\n")
		alone := ask(t, e, Request{Question: Rank, Model: m.Name, Groups: to("p", "a", "lost", "abc", "ab")})
		got := ask(t, e, Request{Question: Rank, Model: "rates", Groups: to("p", "a", "lost", "abc", "ab")})
		if sources[0].reads.Load() != 2 || fmt.Sprint(got.Ranking) != fmt.Sprint(alone.Ranking) {
			t.Errorf("%s: %v, and alone %v", m.Name, got.Ranking, alone.Ranking)
		}
		for i := range got.Results {
			a, b := &alone.Results[i], &got.Results[i]
			if (a.Err == nil) != (b.Err == nil) || a.Err == nil && (a.Score != b.Score || b.Parts[0].Score.Value != a.Score) {
				t.Errorf("%s: response %d has %+v, and alone %+v", m.Name, i, b, a)
			}
			if b.Err != nil && !strings.HasPrefix(b.Err.Detail, "reading p: ") {
				t.Errorf("%s: %v", m.Name, b.Err)
			}
		}
		if _, err := e.Ask(t.Context(), Request{Question: Rank, Model: "rates", Groups: to("p", "a")}); code(err) != failure.CodeInvalidField {
			t.Errorf("%s: one response: %v", m.Name, err)
		}
	}
}

// Whoever lacks most comparisons goes first, and everybody that is left has been compared to everybody.
func TestMembersHaveMetEachOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "n")
		m := newMatched(n)
		for i := range n {
			m.chances.Row(i)[i] = ops.Some(0.5)
			for j := range i {
				if rapid.IntRange(0, 3).Draw(t, "lost") == 0 {
					m.fail(i, j, failure.New(fault.CodeRun, "broken"))
				} else {
					m.chances.Row(i)[j], m.chances.Row(j)[i] = ops.Some(0.25), ops.Some(0.75)
				}
			}
		}
		results := make([]Result, n)
		members := whoMet(results, map[string]*matched{"p": m})
		for i := range n {
			in := slices.Contains(members, i)
			if in == (results[i].Err != nil) {
				t.Fatalf("response %d is a member: %v, %v", i, in, results[i].Err)
			}
			for _, j := range members {
				if in && !m.chances.Row(i)[j].Known {
					t.Fatalf("members %d and %d have not met", i, j)
				}
			}
		}
		if len(members) == 0 {
			t.Fatal("nobody is left")
		}
	})
}

// The fake gives the number of bytes that it reads: prompt, a bar, and response, or the turns.
func TestReadingsOfOtherInputs(t *testing.T) {
	for _, test := range []struct {
		reading, score string
		numbers        []float64 // of each input; nil: the item fails
		err            string
	}{
		{"{gives: score, reads: prompt}", "r", []float64{9}, ""},
		{"{gives: score, reads: response}", "r", []float64{3}, ""},
		{"{gives: score, reads: reference}", "r", []float64{4}, ""},
		{"{gives: score, response: {of: reference}}", "r", []float64{14}, ""},
		{"{gives: score, response: {text: no}}", "r", []float64{12}, ""},
		{"{gives: raw, response: {texts: [a, bb, ccc]}}", "sum(r)", []float64{11, 12, 13}, ""},
		{"{gives: raw, turns: [{role: user, of: response}], response: {of: prompt}}", "r", []float64{29}, ""}, // user:yes|assistant:be kind 2|
		{"{gives: raw, turns: [{role: u, of: response}, {role: v, text: x}]}", "r", []float64{24}, ""},        // u:yes|v:x|assistant:yes|
		{"{gives: raw, response: {texts: [a, '" + strings.Repeat("b", 80) + "']}}", "sum(r)", nil, "reading r: too long"},
		{"{gives: raw, turns: [{role: user, of: reference}, {role: x, text: lost}], response: {of: prompt}}", "r", nil, "reading r: the deadline passed"},
	} {
		e, _ := served(t, []manifest.Manifest{reward("r")}, "name: a\nreadings:\n  r: "+test.reading+"\nscore: "+test.score+"\n")
		item := encode.Item{Prompt: new("be kind 2"), Response: new("yes"), Reference: new("sure")}
		got := ask(t, e, Request{Question: Score, Model: "a", Items: []encode.Item{item}}).Results[0]
		if test.err != "" {
			if got.Err == nil || !strings.HasPrefix(got.Err.Detail, test.err) || got.Score != 0 {
				t.Errorf("%s: %+v", test.reading, got)
			}
			continue
		}
		total := 0.0
		for _, x := range test.numbers {
			total += x
		}
		if got.Err != nil || got.Score != total || len(test.numbers) > 1 && !slices.Equal(got.Parts[0].Steps, test.numbers) {
			t.Errorf("%s: %+v, want %v", test.reading, got, test.numbers)
		}
	}
}

// Of a prompt with two parts the four inputs have neither, the first, the second, and both.
func TestReadingsOfMaskedPrompts(t *testing.T) {
	e, sources := served(t, []manifest.Manifest{reward("r")},
		"name: a\ngiven: {parts: {gives: words}}\nreadings: {r: {gives: raw, masks: parts, mask: '*'}}\nvalues: {of_first: 'at(shapley(r), 0)'}\nscore: sum(shapley(r))\n")
	var seen []string
	sources[0].rows = func(text string, _ *models.Reading) [][]float32 {
		seen = append(seen, text)
		return [][]float32{{float32(len(text))}}
	}
	parts := func(words ...string) []map[string]recipes.Given {
		return []map[string]recipes.Given{{"parts": {Words: words}}}
	}
	ask1 := func(given []map[string]recipes.Given) Result {
		items := []encode.Item{{Prompt: new("be so kind"), Response: new("yes")}}
		return ask(t, e, Request{Question: Score, Model: "a", Items: items, Given: given}).Results[0]
	}
	got := ask1(parts("be", "kind"))
	if fmt.Sprint(seen) != "[* so *|yes be so *|yes * so kind|yes be so kind|yes]" || got.Score != 4 || got.Values["of_first"] != 1 {
		t.Errorf("%q gave %+v", seen, got)
	}
	for want, given := range map[string][]map[string]recipes.Given{
		`reading r: given.parts: part 0, "x", is in the prompt 0 times, and must be once`: parts("x"),
		`reading r: given.parts: there are 0 parts, and must be 1 to 10`:                  parts([]string{}...),
		`reading r: given.parts: there are 11 parts, and must be 1 to 10`:                 parts(strings.Split("abcdefghijk", "")...),
	} {
		if bad := ask1(given); bad.Err == nil || bad.Err.Detail != want {
			t.Errorf("%+v, want %s", bad.Err, want)
		}
	}
}

// Steps of one kind are read one after the other, or the last of them.
func TestReadingsOfStepsOfAKind(t *testing.T) {
	e, _ := served(t, []manifest.Manifest{reward("r")},
		"name: a\ngiven: {kinds: {gives: words}}\nreadings:\n  m: {gives: score, response: {kinds: kinds, kind: E}}\n  l: {gives: score, response: {kinds: kinds, kind: E, last: true}}\nscore: 100 * m + l\n")
	item := encode.Item{Prompt: new("p"), Steps: []string{"so", "1+1=2", "then", "2=2"}}
	for want, kinds := range map[string][]string{
		"": {"T", "E", "T", "E"}, "given.kinds: tells the kind of 2 steps, and the item has 4": {"T", "E"}, `given.kinds: no step is of kind "E", which reading m reads`: {"T", "T", "T", "T"},
	} {
		got := ask(t, e, Request{Question: Score, Model: "a", Items: []encode.Item{item}, Given: []map[string]recipes.Given{{"kinds": {Words: kinds}}}}).Results[0]
		if want == "" && (got.Err != nil || got.Score != 100*(2+8)+2+3) || want != "" && (got.Err == nil || got.Err.Detail != "reading m: "+want) {
			t.Errorf("%v: %+v", kinds, got)
		}
	}
}

// An item that lacks what a reading reads, or what the recipe wants given, fails alone and says so.
func TestWhatAnItemLacks(t *testing.T) {
	e, sources := served(t, []manifest.Manifest{reward("r")},
		"name: a\ngiven: {w: {min: 0}}\nreadings:\n  r: {gives: score, response: {of: reference}}\n  s: {gives: score}\nscore: r + s + w\n")
	whole := encode.Item{Prompt: new("p"), Response: new("r"), Reference: new("k")}
	lacks := encode.Item{Messages: []chat.Message{{Role: "user", Content: "p"}, {Role: "assistant", Content: "r"}}}
	w := func(x float64) map[string]recipes.Given { return map[string]recipes.Given{"w": {Number: x}} }
	answer := ask(t, e, Request{
		Question: Score, Model: "a", Items: []encode.Item{whole, lacks, whole, whole, whole},
		Given: []map[string]recipes.Given{w(1), w(1), nil, w(-1), {"w": {Word: "much"}}},
	})
	for i, want := range []string{
		"", "reading r: reading r reads the reference of the item, which has none",
		`given.w: is missing, and recipe "a" has no default for it`, "given.w: is -1, and must be from 0 to +Inf", "given.w: is a word, and must be a number",
	} {
		got := answer.Results[i]
		if want == "" && (got.Err != nil || got.Score != 3+3+1) || want != "" && (got.Err == nil || got.Err.Detail != want || got.Err.Code != fault.CodeItem) {
			t.Errorf("item %d: %+v, want %q", i, got, want)
		}
	}
	if n := sources[0].items.Load(); n != 1+2 {
		t.Errorf("%d items were read", n)
	}
	for want, r := range map[string]Request{
		"given: is of 1 responses, and there are 2":                 {Question: Rank, Model: "a", Groups: to("p", "a", "b"), Given: []map[string]recipes.Given{w(1)}},
		`given: is of recipes, and "fake-rm" is none`:               {Question: Score, Model: "fake-rm", Items: text("a"), Given: []map[string]recipes.Given{w(1)}},
		`expect_digest: is "sha256:1", and "a" has the digest "sha`: {Question: Score, Model: "a", Items: text("a"), Expect: "sha256:1"},
	} {
		if _, err := e.Ask(context.Background(), r); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("the error is %v, want %s", err, want)
		}
	}
	if again := ask(t, e, Request{Question: Score, Model: "a", Items: []encode.Item{whole}, Given: []map[string]recipes.Given{w(1)}, Expect: answer.Digest}); again.Digest != answer.Digest {
		t.Errorf("the digest is %s, and was %s", again.Digest, answer.Digest)
	}
	sources[0].info.Digest = "sha256:other"
	if _, err := e.Ask(t.Context(), Request{Question: Score, Model: "a", Items: text("a"), Expect: answer.Digest}); code(err) != failure.CodeDigest {
		t.Errorf("another model: %v", err)
	}
}
