package rewards

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards/failure"
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
	for i, r := range ask(t, e, Request{Question: Score, Items: items}).Results {
		if r.Err != nil || math.Abs(r.Score-*golden[i].Score) > 1e-4 {
			t.Errorf("pair %d: %+v, want %g", i, r, *golden[i].Score)
		}
	}
	golden, items = pairs(all[1])
	for i, r := range ask(t, e, Request{Question: Steps, Items: items}).Steps {
		if r.Err != nil || len(r.Steps) != len(golden[i].Steps) {
			t.Fatalf("pair %d: %d steps, %v; want %d", i, len(r.Steps), r.Err, len(golden[i].Steps))
		}
		for k, step := range r.Steps {
			if math.Abs(step.Score.Value-*golden[i].Steps[k]) > 1e-4 {
				t.Errorf("pair %d step %d: %g, want %g", i, k, step.Score.Value, *golden[i].Steps[k])
			}
		}
	}
}

func TestOneQuestionAskedEveryWay(t *testing.T) {
	e, all := fixtures(t, "qwen2-reward-packed")
	groups := to("What is 12 + 30?", "42", "41", "It is 42, because 10 + 30 is 40.")
	before := all[0].Stats()
	rank := ask(t, e, Request{Question: Rank, Groups: groups})
	if ran := all[0].Stats().Computed - before.Computed; int(ran) != rank.Usage.Computed {
		t.Errorf("%d tokens are said to be computed, and the batcher computed %d", rank.Usage.Computed, ran)
	}
	compare := ask(t, e, Request{Question: Compare, Groups: groups})
	for i := range groups[0].Responses {
		want := ask(t, e, Request{Question: Score, Items: []encode.Item{groups[0].item(i)}}).Results[0].Raw
		if rank.Results[i].Raw != want || compare.Results[i].Raw != want {
			t.Errorf("response %d alone has %v, ranked %v, compared %v", i, want, rank.Results[i].Raw, compare.Results[i].Raw)
		}
		if max(rank.Results[i].Shared, rank.Results[i].Cached) == 0 {
			t.Errorf("response %d shares no token of the prompt", i)
		}
	}
	if rank.Usage.Computed >= rank.Usage.Tokens || rank.Usage.Computed == 0 {
		t.Errorf("usage %+v: the prompt was not computed once", rank.Usage)
	}
	best := rank.Ranking[0]
	for i, p := range compare.Preference.Row(best) {
		if p.Value < 0.5 {
			t.Errorf("the best response, %d, loses to %d: %g", best, i, p.Value)
		}
	}
}

// TestMessagesShareTheirPrompt: a response after messages is scored as the conversation that ends with it.
func TestMessagesShareTheirPrompt(t *testing.T) {
	e, _ := fixtures(t, "qwen2-reward-packed")
	before := []chat.Message{{Role: "user", Content: "What is 12 + 30?"}}
	group := Group{Messages: before, Responses: []string{"42", "It is 41."}}
	rank := ask(t, e, Request{Question: Rank, Groups: []Group{group}})
	for i, response := range group.Responses {
		whole := encode.Item{Messages: append(slices.Clip(before), chat.Message{Role: "assistant", Content: response})}
		if want := ask(t, e, Request{Question: Score, Items: []encode.Item{whole}}).Results[0]; want.Err != nil || want.Score != rank.Results[i].Score {
			t.Errorf("response %d is %+v ranked, and %+v as a conversation", i, rank.Results[i], want)
		}
	}
}

func TestALaterStepNeverChangesAnEarlierOne(t *testing.T) {
	e, _ := fixtures(t, "qwen3-process-packed")
	item := func(steps ...string) encode.Item { return encode.Item{Prompt: new("What is 2 + 2 + 3?"), Steps: steps} }
	answer := ask(t, e, Request{Question: Steps, Items: []encode.Item{
		item("2 + 2 = 4.", " 4 + 3 = 7."), item("2 + 2 = 4.", " 4 + 3 = 7.", " So 7."),
	}})
	short, long := answer.Steps[0], answer.Steps[1]
	for i, step := range short.Steps {
		if step.Raw != long.Steps[i].Raw || step.End != long.Steps[i].End {
			t.Errorf("step %d: %+v, and with a step more %+v", i, step, long.Steps[i])
		}
	}
	if long.Steps[2].End != len("2 + 2 = 4. 4 + 3 = 7. So 7.") {
		t.Errorf("the last step ends at %d", long.Steps[2].End)
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
		answer := ask(t, e, Request{Question: Score, Items: []encode.Item{good, test.item, good}})
		first, bad, last := answer.Results[0], answer.Results[1].Err, answer.Results[2]
		if bad == nil || bad.Code != test.code || !strings.Contains(bad.Detail, test.detail) {
			t.Errorf("%s: %+v, want %s", name, bad, test.code)
		}
		if first.Err != nil || first.Score != last.Score {
			t.Errorf("%s: its mates %+v, %+v", name, first, last)
		}
	}
	cut := ask(t, e, Request{Question: Score, Truncate: encode.TruncateLeft, Items: []encode.Item{{Text: &long}}}).Results[0]
	if cut.Err != nil || cut.Truncated == 0 || cut.Tokens.Tokens != 320 {
		t.Errorf("cut: %+v", cut)
	}
	steps := ask(t, e, Request{Question: Steps, Items: []encode.Item{
		{Prompt: new("a"), Response: new("b")}, {Text: new("a")}, {Prompt: new("a"), Steps: []string{"b <extra_0> c"}},
	}})
	for i, code := range []string{fault.CodeNoSeparator, fault.CodeNoSeparator, fault.CodeInText} {
		if got := steps.Steps[i].Err; got == nil || got.Code != code {
			t.Errorf("step item %d: %+v, want %s", i, got, code)
		}
	}
	if _, err := e.Ask(t.Context(), Request{Question: Steps, Model: "qwen2-reward-packed", Items: []encode.Item{good}}); code(err) != fault.CodeKind {
		t.Errorf("%v", err)
	}
}

func TestTokenizeShowsWhatIsRead(t *testing.T) {
	e, _ := fixtures(t, "qwen2-reward-packed", "qwen3-process-packed")
	items := append(text("12 + 30 = 42"), encode.Item{})
	answer := ask(t, e, Request{Question: Tokenize, Items: items})
	seen, scored := answer.Tokenized, ask(t, e, Request{Question: Score, Items: items})
	if answer.Model != "qwen2-reward-packed" || answer.MaxTokens != 320 || seen[0].Text != "12 + 30 = 42" || len(seen[0].IDs) != scored.Results[0].Tokens.Tokens {
		t.Errorf("%+v", answer)
	}
	if seen[1].Err == nil || seen[1].Err.Code != fault.CodeItem || seen[1].IDs != nil {
		t.Errorf("%+v", seen[1])
	}
	ended, end := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer end()
	late, err := e.Ask(ended, Request{Question: Tokenize, Items: text("a", "b")})
	if err != nil || late.Tokenized[0].Err == nil || late.Tokenized[1].Err.Code != failure.CodeDeadline {
		t.Errorf("after the deadline: %+v, %v", late.Tokenized, err)
	}
}

func TestWhatIsLoaded(t *testing.T) {
	e, _ := fixtures(t, "qwen2-reward-packed", "qwen3-process-packed")
	infos := e.Models()
	if len(infos) != 2 || infos[0].Manifest.Name != "qwen2-reward-packed" || infos[1].Manifest.Kind != manifest.KindProcess {
		t.Fatalf("%+v", infos)
	}
	for _, info := range infos {
		if info.Digest == "" || info.Provider == "" || info.Threads == 0 || info.Batching.Tokens == 0 || info.Manifest.Limits.MaxTokens != 320 || len(info.Transforms) > 2 {
			t.Errorf("%+v", info)
		}
		if err := e.Probe(t.Context(), info.Manifest.Name); err != nil {
			t.Error(err)
		}
	}
	if err := e.Probe(t.Context(), "another"); code(err) != fault.CodeModel {
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
		if info.Manifest.Graph.Precision != precisions[i] || info.Manifest.Drift == nil {
			t.Fatalf("%s: precision %s, drift %+v", info.Manifest.Name, info.Manifest.Graph.Precision, info.Manifest.Drift)
		}
		if d := info.Manifest.Drift; d.Items < 50 || d.Pairs < 1000 || d.Max <= 0 || d.Mean <= 0 || d.Order < 0.9 {
			t.Errorf("%s: drift %+v", info.Manifest.Name, *d)
		}
		worst = max(worst, info.Manifest.Drift.Max)
	}
	if worst > 0.5 {
		t.Errorf("drift reaches %g", worst)
	}
}
