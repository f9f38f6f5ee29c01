package commands

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/bulk/job"
	"github.com/assay-rm/assay/commands/bulk/tables"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// breaking is an engine that scores a text by its length, and whose forwards fail as fails says.
type breaking struct {
	asks  int
	fails func(asks int, texts []string) bool
	whole bool // the request fails, and not each of its items
}

func (b *breaking) Ask(_ context.Context, request rewards.Request) (rewards.Answer, error) {
	b.asks++
	texts := make([]string, len(request.Items))
	for i := range texts {
		texts[i] = *request.Items[i].Text
	}
	answer := rewards.Answer{Question: rewards.Score, Model: "m", Digest: "sha256:d", Results: make([]rewards.Result, len(texts))}
	failed := b.fails(b.asks, texts)
	if failed && b.whole {
		return rewards.Answer{}, errors.New("it broke")
	}
	for i, text := range texts {
		answer.Results[i].Score = float64(len(text))
		if failed {
			answer.Results[i] = rewards.Result{Err: failure.New(fault.CodeRun, "the forward failed")}
		}
	}
	return answer, nil
}

type scoreWork = work[wire.Item, rewards.Result, *wire.Item]

// newWork is what answers batches by an engine.
func newWork(t *testing.T, engine bulk.Engine) *scoreWork {
	t.Helper()
	dir, err := job.Open(filepath.Join(t.TempDir(), "part"), job.Plan{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := dir.Close(); err != nil {
			t.Error(err)
		}
	})
	command := &scoreCommand{}
	return &scoreWork{engine: newPinned(engine, dir), view: command, terms: command.terms(), files: make([]tables.File, 1)}
}

// batch has rows of such texts.
func batch(first int, texts ...string) (all []job.Question) {
	for i, text := range texts {
		all = append(all, job.Question{Row: tables.Row{Number: int64(first + i)}, Asked: asked[wire.Item]{question: wire.Item{Text: &text}}})
	}
	return all
}

func textOf(records []job.Record) string {
	var all strings.Builder
	for i := range records {
		fmt.Fprintf(&all, "%s\n", records[i].Text)
	}
	return all.String()
}

// TestAForwardThatFailedIsAskedAgain: what fails for a while has the records that it has undisturbed, and a row that
// breaks every forward that it is in fails alone, although those beside it failed with it.
func TestAForwardThatFailedIsAskedAgain(t *testing.T) {
	texts := []string{"a", "bb", "poison", "dddd"}
	never := func(int, []string) bool { return false }
	poison := func(_ int, texts []string) bool { return slices.Contains(texts, "poison") }
	run := func(t *testing.T, engine *breaking) []job.Record {
		t.Helper()
		records, err := newWork(t, engine).Ask(t.Context(), batch(1, texts...))
		if err != nil {
			t.Fatal(err)
		}
		return records
	}
	for _, whole := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			want := run(t, &breaking{fails: never, whole: whole})
			for n := range mendTries + 1 {
				got := run(t, &breaking{fails: func(asks int, _ []string) bool { return asks <= n }, whole: whole})
				if textOf(got) != textOf(want) {
					t.Errorf("after %d that failed:\n%s", n, textOf(got))
				}
			}
			outages(t, texts, textOf(want), whole)
			got := run(t, &breaking{fails: poison, whole: whole})
			for i := range got {
				if got[i].Failed != (texts[i] == "poison") {
					t.Errorf("row %d: %s", i+1, got[i].Text)
				}
			}
			if text := string(got[2].Text); !strings.HasPrefix(text, `{"row":3,"error":{"code":"`) || strings.Contains(text, "score\":") {
				t.Errorf("the row that always fails has %s", text)
			}
		})
	}
}

// outages has the engine fail for any number of questions, from the first or from the second batch on: the rows have
// the records that they have undisturbed, or the run ends.
func outages(t *testing.T, texts []string, want string, whole bool) {
	t.Helper()
	for from := range 2 {
		ended := 0
		for n := range 40 {
			w := newWork(t, &breaking{fails: func(asks int, _ []string) bool { return asks > from && asks <= from+n }, whole: whole})
			for range from {
				if _, err := w.Ask(t.Context(), batch(9, "before")); err != nil {
					t.Fatal(err)
				}
			}
			got, err := w.Ask(t.Context(), batch(1, texts...))
			if err != nil {
				ended++
			} else if textOf(got) != want {
				t.Errorf("an outage of %d:\n%s", n, textOf(got))
			}
		}
		if ended == 0 || ended > 35 {
			t.Errorf("of 40 outages %d end the run", ended)
		}
	}
}

// TestARunEndsWhereNothingIsAnswered: an engine that is broken for good is no row's answer, whether or not it has
// answered before; and a row that always fails is, where it is alone in its batch and others were answered before.
func TestARunEndsWhereNothingIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, answers := range []int{0, 1} {
			engine := &breaking{fails: func(asks int, _ []string) bool { return asks > answers }}
			w := newWork(t, engine)
			for range answers {
				if _, err := w.Ask(t.Context(), batch(1, "a", "b")); err != nil {
					t.Fatal(err)
				}
			}
			records, err := w.Ask(t.Context(), batch(3, "c", "d"))
			if err == nil || records != nil || !strings.Contains(err.Error(), "row 3: run_failed: the forward failed; it was asked again") {
				t.Errorf("after %d answers: %v, %s", answers, err, textOf(records))
			}
			if engine.asks > 30 {
				t.Errorf("it was asked %d times", engine.asks)
			}
		}
		w := newWork(t, &breaking{fails: func(_ int, texts []string) bool { return slices.Contains(texts, "poison") }})
		if _, err := w.Ask(t.Context(), batch(1, "a")); err != nil {
			t.Fatal(err)
		}
		records, err := w.Ask(t.Context(), batch(2, "poison"))
		if err != nil || !records[0].Failed {
			t.Errorf("%v: %s", err, textOf(records))
		}
	})
}

// TestAStopEndsTheWait: a run that is stopped while it waits to ask again ends at once.
func TestAStopEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		engine := &breaking{fails: func(int, []string) bool { cancel(); return true }}
		if _, err := newWork(t, engine).Ask(ctx, batch(1, "a")); !errors.Is(err, context.Canceled) || engine.asks != 1 {
			t.Errorf("%v after %d", err, engine.asks)
		}
	})
}

// TestAFailedForwardBehindAnotherErrorIsFound: of a group, whose first error may be another response's own.
func TestAFailedForwardBehindAnotherErrorIsFound(t *testing.T) {
	answer := listAnswer{Answer: rewards.Answer{Results: []rewards.Result{
		{Err: failure.New(fault.CodeItem, "own")}, {Err: failure.New(fault.CodeRun, "failed")},
	}}}
	o := &bulk.Outcome[wire.RankLine, listAnswer]{Answer: answer, Err: answer.failed()}
	if why := errorOf(o, broken); why == nil || why.Code != fault.CodeRun {
		t.Errorf("%v", why)
	}
	if why := errorOf(o, passing); why != nil {
		t.Errorf("%v passes", why)
	}
}
