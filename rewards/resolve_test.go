package rewards

import (
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
)

func renamed(m manifest.Manifest, name string) manifest.Manifest {
	m.Name = name
	return m
}

// features is a model that reads named numbers.
func features() manifest.Manifest {
	m := renamed(reward("r"), "fake-judge")
	m.Graph.Layout, m.Graph.Features = "features", []string{"x"}
	return m
}

// TestWhoAnswersWithoutAName: the one model that can; and a tokenize request goes where a score request of text would
// go.
func TestWhoAnswersWithoutAName(t *testing.T) {
	one, two := reward("r"), renamed(reward("r"), "second-rm")
	steps, pairs := process("none", "good", "good"), pairManifest("logit")
	for name, test := range map[string]struct {
		loaded   []manifest.Manifest
		question Question
		of       manifest.Kind
		want     string // empty: unknown_model
	}{
		"score one of one":           {[]manifest.Manifest{one, steps, pairs}, Score, "", one.Name},
		"score one of two":           {[]manifest.Manifest{one, two}, Score, "", ""},
		"score beside features":      {[]manifest.Manifest{one, features()}, Score, "", ""},
		"score of text":              {[]manifest.Manifest{one, features()}, Score, manifest.KindReward, one.Name},
		"score of features":          {[]manifest.Manifest{one, features()}, Score, manifest.KindFeatures, "fake-judge"},
		"rank beside features":       {[]manifest.Manifest{one, features()}, Rank, "", one.Name},
		"rank beside pairs":          {[]manifest.Manifest{one, pairs}, Rank, "", ""},
		"steps":                      {[]manifest.Manifest{one, steps}, Steps, "", steps.Name},
		"tokenize as score":          {[]manifest.Manifest{one, steps}, Tokenize, "", one.Name},
		"tokenize beside features":   {[]manifest.Manifest{features(), one}, Tokenize, "", one.Name},
		"tokenize where two score":   {[]manifest.Manifest{one, two, steps}, Tokenize, "", ""},
		"tokenize where none scores": {[]manifest.Manifest{features(), steps}, Tokenize, "", steps.Name},
		"tokenize where others are":  {[]manifest.Manifest{steps, pairs}, Tokenize, "", ""},
	} {
		e, _ := engineOf(t, test.loaded...)
		request := Request{Question: test.question, Kind: test.of, Items: text("a"), Groups: to("p", "a", "b")}
		answer, err := e.Ask(t.Context(), request)
		switch {
		case test.want == "" && code(err) != fault.CodeModel:
			t.Errorf("%s: answered by %q, %v", name, answer.Model, err)
		case test.want != "" && answer.Model != test.want:
			t.Errorf("%s: answered by %q, %v", name, answer.Model, err)
		}
	}
}

// TestEveryKindSaysWhatItAnswers: what a model answers is asked of it, and everything else is refused with those
// questions.
func TestEveryKindSaysWhatItAnswers(t *testing.T) {
	for _, m := range []manifest.Manifest{
		reward("r"), features(), process("none", "good", "good"), pairManifest("logit"), preferenceManifest(true),
	} {
		e, _ := engineOf(t, m)
		answers := e.Models()[0].Answers
		for _, q := range []Question{Score, Rank, Compare, Pairs, Steps, Tokenize} {
			word := string(q)
			if q == Pairs {
				word = string(Compare)
			}
			answered := strings.Contains(strings.Join(answers, " "), word)
			_, err := e.Ask(t.Context(), Request{Question: q, Model: m.Name, Items: text("a"), Groups: to("p", "a", "b")})
			of := failure.Of(err)
			switch {
			case answered && of != nil && of.Code == fault.CodeKind:
				t.Errorf("%s says that it answers %s: %v", m.Name, q, err)
			case !answered && (of == nil || of.Code != fault.CodeKind || !strings.HasSuffix(of.Detail, strings.Join(answers, ", "))):
				t.Errorf("%s of %s: %+v, want %v", q, m.Name, of, answers)
			}
		}
	}
}
