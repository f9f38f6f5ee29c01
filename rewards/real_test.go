package rewards

import (
	"context"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// fixtures serves tiny bundles of the models' tests until the test ends.
func fixtures(t *testing.T, names ...string) (*Engine, []*models.Model) {
	t.Helper()
	all := make([]*models.Model, len(names))
	for i, name := range names {
		m, err := models.Open(t.Context(), models.Dir("../models/testdata/bundles/"+name), models.Options{Cache: 64 << 20})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = m
		var running sync.WaitGroup
		running.Go(func() {
			if err := m.Run(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(func() {
			m.Close()
			running.Wait()
		})
	}
	registry, err := models.NewRegistry(all...)
	if err != nil {
		t.Fatal(err)
	}
	return New(registry), all
}

func TestAnswersEqualTheReference(t *testing.T) {
	e, all := fixtures(t, "qwen2-reward-packed", "qwen3-process-packed")
	pairs := func(m *models.Model) ([]models.Golden, []encode.Item) {
		t.Helper()
		pairs, err := m.Golden()
		if err != nil || len(pairs) == 0 {
			t.Fatalf("%d golden pairs, %v", len(pairs), err)
		}
		items := make([]encode.Item, len(pairs))
		for i, pair := range pairs {
			items[i] = *pair.Item
		}
		return pairs, items
	}
	golden, items := pairs(all[0])
	scores, err := e.Score(t.Context(), ScoreRequest{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range scores.Results {
		if r.Error != nil || math.Abs(*r.Score-*golden[i].Score) > 1e-4 {
			t.Errorf("pair %d: %+v, want %g", i, r, *golden[i].Score)
		}
	}
	golden, items = pairs(all[1])
	steps, err := e.Steps(t.Context(), StepsRequest{Items: items})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range steps.Results {
		if r.Error != nil || len(r.Steps) != len(golden[i].Steps) {
			t.Fatalf("pair %d: %d steps, %v; want %d", i, len(r.Steps), r.Error, len(golden[i].Steps))
		}
		for k, step := range r.Steps {
			if math.Abs(*step.Score-*golden[i].Steps[k]) > 1e-4 {
				t.Errorf("pair %d step %d: %g, want %g", i, k, *step.Score, *golden[i].Steps[k])
			}
		}
	}
}

func TestOneQuestionAskedEveryWay(t *testing.T) {
	e, _ := fixtures(t, "qwen2-reward-packed")
	prompt := Prompted{Prompt: new("What is 12 + 30?")}
	responses := []string{"42", "41", "It is 42, because 10 + 30 is 40."}
	before := e.Stats()[0]
	rank, err := e.Rank(t.Context(), RankRequest{Prompted: prompt, Responses: responses})
	if err != nil {
		t.Fatal(err)
	}
	if ran := e.Stats()[0].Computed - before.Computed; int(ran) != rank.Usage.Computed {
		t.Errorf("computed_tokens is %d, and the batcher computed %d", rank.Usage.Computed, ran)
	}
	compare, err := e.Compare(t.Context(), CompareRequest{Prompted: prompt, Responses: responses})
	if err != nil {
		t.Fatal(err)
	}
	for i, response := range responses {
		alone, err := e.Score(t.Context(), ScoreRequest{Items: []encode.Item{prompt.Item(response)}})
		if err != nil {
			t.Fatal(err)
		}
		if want := *alone.Results[0].Raw; *rank.Responses[i].Raw != want || *compare.Responses[i].Raw != want {
			t.Errorf("response %d alone has %v, ranked %v, compared %v", i, want, *rank.Responses[i].Raw, *compare.Responses[i].Raw)
		}
		if max(rank.Responses[i].Shared, rank.Responses[i].Cached) == 0 {
			t.Errorf("response %d shares no token of the prompt", i)
		}
	}
	if rank.Usage.Computed >= rank.Usage.Tokens || rank.Usage.Computed == 0 {
		t.Errorf("usage %+v: the prompt was not computed once", rank.Usage)
	}
	best := rank.Ranking[0].Index
	for i, p := range compare.Preference[best] {
		if *p < 0.5 {
			t.Errorf("the best response, %d, loses to %d: %g", best, i, *p)
		}
	}
}

func TestALaterStepNeverChangesAnEarlierOne(t *testing.T) {
	e, _ := fixtures(t, "qwen3-process-packed")
	item := func(steps ...string) encode.Item { return encode.Item{Prompt: new("What is 2 + 2 + 3?"), Steps: steps} }
	answer, err := e.Steps(t.Context(), StepsRequest{Items: []encode.Item{item("2 + 2 = 4.", " 4 + 3 = 7."), item("2 + 2 = 4.", " 4 + 3 = 7.", " So 7.")}})
	if err != nil {
		t.Fatal(err)
	}
	short, long := answer.Results[0], answer.Results[1]
	for i, step := range short.Steps {
		if *step.Raw != *long.Steps[i].Raw || *step.End != *long.Steps[i].End {
			t.Errorf("step %d: %+v, and with a step more %+v", i, step, long.Steps[i])
		}
	}
	if *long.Steps[2].End != len("2 + 2 = 4. 4 + 3 = 7. So 7.") {
		t.Errorf("the last step ends at %d", *long.Steps[2].End)
	}
}

func TestEachBadItemFailsAlone(t *testing.T) {
	e, _ := fixtures(t, "qwen2-reward-packed", "qwen3-process-packed")
	long := strings.Repeat("12 + 30 = 42. ", 100)
	good := encode.Item{Text: new("12 + 30 = 42")}
	for name, test := range map[string]struct {
		item   encode.Item
		code   string
		detail string
	}{
		"too long":    {encode.Item{Text: &long}, fault.CodeTooLong, " tokens, and limits.max_tokens of model"},
		"id too high": {encode.Item{InputIDs: []int64{3, 400}}, fault.CodeID, "token 1 has id 400"},
		"id below 0":  {encode.Item{InputIDs: []int64{-1}}, fault.CodeID, "token 0 has id -1"},
		"no id":       {encode.Item{InputIDs: []int64{}}, fault.CodeEmpty, ""},
		"no text":     {encode.Item{Text: new("")}, fault.CodeEmpty, ""},
		"nothing":     {encode.Item{}, fault.CodeItem, ""},
		"two forms":   {encode.Item{Text: new("a"), Prompt: new("b")}, fault.CodeItem, ""},
		"half a form": {encode.Item{Prompt: new("a")}, fault.CodeItem, "prompt needs response"},
		"steps":       {encode.Item{Prompt: new("a"), Steps: []string{"b"}}, fault.CodeItem, "process"},
	} {
		answer, err := e.Score(t.Context(), ScoreRequest{Items: []encode.Item{good, test.item, good}})
		if err != nil {
			t.Fatal(err)
		}
		bad := answer.Results[1].Error
		if bad == nil || bad.Code != test.code || !strings.Contains(bad.Detail, test.detail) {
			t.Errorf("%s: %+v, want %s", name, bad, test.code)
		}
		if answer.Results[0].Error != nil || *answer.Results[0].Score != *answer.Results[2].Score {
			t.Errorf("%s: its mates %+v, %+v", name, answer.Results[0], answer.Results[2])
		}
	}
	cut, err := e.Score(t.Context(), ScoreRequest{Common: Common{Truncate: encode.TruncateLeft}, Items: []encode.Item{{Text: &long}}})
	if err != nil || cut.Results[0].Error != nil || cut.Results[0].Truncated == 0 || cut.Results[0].Tokens.Tokens != 320 {
		t.Errorf("cut: %+v, %v", cut.Results, err)
	}
	steps, err := e.Steps(t.Context(), StepsRequest{Items: []encode.Item{
		{Prompt: new("a"), Response: new("b")}, {Text: new("a")}, {Prompt: new("a"), Steps: []string{"b <extra_0> c"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, code := range []string{fault.CodeNoSeparator, fault.CodeNoSeparator, fault.CodeInText} {
		if got := steps.Results[i].Error; got == nil || got.Code != code {
			t.Errorf("step item %d: %+v, want %s", i, got, code)
		}
	}
	if _, err := e.Steps(t.Context(), StepsRequest{Common: Common{Model: "qwen2-reward-packed"}, Items: []encode.Item{good}}); ProblemOf(err).Code != fault.CodeKind {
		t.Errorf("%v", err)
	}
}

func TestWhatIsLoaded(t *testing.T) {
	e, _ := fixtures(t, "qwen2-reward-packed", "qwen3-process-packed")
	infos := e.Models()
	if len(infos) != 2 || infos[0].Name != "qwen2-reward-packed" || infos[1].Kind != manifest.KindProcess {
		t.Fatalf("%+v", infos)
	}
	for _, info := range infos {
		if info.Digest == "" || info.Provider == "" || info.Threads == 0 || info.BatchTokens == 0 || info.MaxTokens != 320 || len(info.Labels) == 0 {
			t.Errorf("%+v", info)
		}
		if err := e.Probe(t.Context(), info.Name); err != nil {
			t.Error(err)
		}
	}
	for _, s := range e.Stats() {
		if s.Runs == 0 || s.Answered == 0 || s.Computed == 0 {
			t.Errorf("%+v", s)
		}
	}
	if err := e.Probe(t.Context(), "another"); ProblemOf(err) == nil || ProblemOf(err).Code != fault.CodeModel {
		t.Errorf("%v", err)
	}
}

// TestLowerPrecisionIsTold: what storing the weights in less changed stands beside the model, and bounds it there.
func TestLowerPrecisionIsTold(t *testing.T) {
	precisions := []string{"float16", "bfloat16", "int8"}
	var names []string
	for _, precision := range precisions {
		names = append(names, "qwen3-reward-packed-"+precision)
	}
	e, _ := fixtures(t, names...)
	worst := 0.0
	for i, info := range e.Models() {
		if info.Precision != precisions[i] || info.Drift == nil {
			t.Fatalf("%s: precision %s, drift %+v", info.Name, info.Precision, info.Drift)
		}
		if d := info.Drift; d.Items < 50 || d.Pairs < 1000 || d.Max <= 0 || d.Mean <= 0 || d.Order < 0.9 {
			t.Errorf("%s: drift %+v", info.Name, *d)
		}
		worst = max(worst, info.Drift.Max)
	}
	if worst > 0.5 {
		t.Errorf("drift reaches %g", worst)
	}
}
