package evaluation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/rewards/ops"
)

// model answers like a reward model whose score is a hash of prompt and response, and fails where that is unlucky. It
// counts the questions, and cancels a run at one of them.
type model struct {
	asked  atomic.Int64
	at     int64
	cancel context.CancelFunc
	groups atomic.Pointer[[]rewards.Group] // of the last request
}

func (*model) score(prompt, response string) float64 {
	sum := fnv.New32a()
	sum.Write([]byte(prompt + "\x00" + response))
	return math.Mod(float64(sum.Sum32()), 97) / 10
}

func (m *model) result(prompt *string, response string) rewards.Result {
	if m.asked.Add(1) == m.at {
		m.cancel()
	}
	score := m.score(*prompt, response)
	if score > 9.5 {
		return rewards.Result{Err: failure.New(fault.CodeTooLong, "unlucky")}
	}
	return rewards.Result{Score: score, Raw: ops.Some(score)}
}

func (m *model) Ask(ctx context.Context, request rewards.Request) (answer rewards.Answer, err error) {
	answer = rewards.Answer{Question: request.Question, Model: request.Model}
	m.groups.Store(&request.Groups)
	for i := range request.Groups {
		g := &request.Groups[i]
		chosen, rejected := m.result(g.Prompt, g.Responses[0]), m.result(g.Prompt, g.Responses[1])
		pair := rewards.PairResult{Chosen: &chosen, Rejected: &rejected, Margin: chosen.Score - rejected.Score}
		for _, of := range []*rewards.Result{&chosen, &rejected} {
			if of.Err != nil {
				pair.Err = of.Err
			}
		}
		answer.Pairs = append(answer.Pairs, pair)
	}
	for i := range request.Items {
		answer.Results = append(answer.Results, m.result(request.Items[i].Prompt, *request.Items[i].Response))
	}
	return answer, ctx.Err()
}

func reward() []rewards.ModelInfo {
	return []rewards.ModelInfo{{
		Info: models.Info{Manifest: manifest.Manifest{Name: "m"}, Digest: "d"}, Answers: []string{"score", "rank", "compare"},
	}}
}

// memory is a file that is not on disk.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

func inMemory(t *testing.T, format, text string) *Data {
	t.Helper()
	data, err := Inspect(t.Context(), "rows", format, func() (File, error) { return memory{bytes.NewReader([]byte(text))}, nil })
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// measured is one run over files in memory, with a journal where a path is given.
func measured(ctx context.Context, t *testing.T, m *model, path string, files ...*Data) (*Report, int, error) {
	t.Helper()
	jobs, err := Jobs(reward(), "", files)
	if err != nil {
		t.Fatal(err)
	}
	options := &Options{Separator: "\n", Aggregate: "min"}
	var journal *Journal
	known := 0
	if path != "" {
		if journal, err = OpenJournal(path, Head(jobs, options), Known(jobs)); err != nil {
			t.Fatal(err)
		}
		known = journal.Rows
		defer func() {
			if err := journal.Close(); err != nil {
				t.Error(err)
			}
		}()
	}
	if err := Run(ctx, m, jobs, options, journal, &bulk.Progress{}); err != nil {
		return nil, known, err
	}
	return NewReport(jobs, 50, 1), known, nil
}

// TestKilledRunsGoOn: a run that is ended at random places, again and again, and whose journal is cut there too, ends
// with the report of a run that was not, and asks no row again that the journal has.
func TestKilledRunsGoOn(t *testing.T) {
	var pairs, many strings.Builder
	for i := range 400 {
		fmt.Fprintf(&pairs, "{\"split\":\"s%d\",\"prompt\":\"p%d\",\"chosen\":\"a\",\"rejected\":\"b\"}\n", i%3, i)
		fmt.Fprintf(&many, "{\"problem\":\"p%d\",\"eval_solution\":[\"s%d\"],\"solution_type\":\"%s\",\"problem_id\":%d}\n",
			i/4, i, []string{"chosen", "rejected", "rejected", "rejected"}[i%4], i/4)
	}
	files := func() []*Data { return []*Data{inMemory(t, "", pairs.String()), inMemory(t, "", many.String())} }
	whole, _, err := measured(t.Context(), t, &model{}, "", files()...)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		path := filepath.Join(t.TempDir(), "journal")
		for run := 0; ; run++ {
			ctx, cancel := context.WithCancel(t.Context())
			m := &model{at: 1 + random.Int64N(600), cancel: cancel}
			report, known, err := measured(ctx, t, m, path, files()...)
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if report != nil {
				have, err := json.Marshal(report)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), string(have)); diff != "" {
					t.Fatalf("seed %d: the report after %d runs differs: %s", seed, run, diff)
				}
				if left := int64(2*max(0, 400-known) + min(400, 800-known)); m.asked.Load() != left {
					t.Fatalf("seed %d: behind %d rows, %d responses were asked, want %d", seed, known, m.asked.Load(), left)
				}
				break
			}
			if run > 100 {
				t.Fatal("the run does not come to its end")
			}
			if text, err := os.ReadFile(path); err != nil {
				t.Fatal(err)
			} else if random.IntN(2) == 0 { // the machine fell over: the end of the journal is gone
				if err := os.WriteFile(path, text[:random.IntN(len(text)+1)], 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// TestJournals of another run, of another process and with a spoilt line are refused.
func TestJournals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	none := func(int, int, []outcome) {}
	first, err := OpenJournal(path, "one", none)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(path, "one", none); err == nil || !strings.Contains(err.Error(), "another run is writing it") {
		t.Errorf("a second process: %v", err)
	}
	first.keep(record{0, 1, []outcome{{Split: "s", Numbers: []float64{1, 0.1}}}})
	if err := errors.Join(first.flush(), first.Close(), first.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(path, "two", none); err == nil || !strings.Contains(err.Error(), "of another run") {
		t.Errorf("another run: %v", err)
	}
	seen := 0
	again, err := OpenJournal(path, "one", func(job, line int, outcomes []outcome) {
		seen++
		if job != 0 || line != 1 || outcomes[0].Numbers[1] != 0.1 {
			t.Errorf("row %d of job %d: %v", line, job, outcomes)
		}
	})
	if err != nil || seen != 1 || again.Rows != 1 {
		t.Fatalf("%d rows, %v", seen, err)
	}
	if _, err := again.file.WriteString("nonsense\n"); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenJournal(path, "one", none); err == nil || !strings.Contains(err.Error(), "row 2 is spoilt") {
		t.Errorf("a spoilt line: %v", err)
	}
}

// TestRowsCarryReferenceAndPrinciple: what stands beside the prompt is asked too, and so is a conversation.
func TestRowsCarryReferenceAndPrinciple(t *testing.T) {
	m := &model{}
	data := inMemory(t, "", `{"prompt":"p","reference":"r","principle":"c","chosen":"a","rejected":"b"}`)
	if _, _, err := measured(t.Context(), t, m, "", data); err != nil {
		t.Fatal(err)
	}
	want := []rewards.Group{{Prompt: new("p"), Reference: new("r"), Principle: new("c"), Responses: []string{"a", "b"}}}
	if diff := cmp.Diff(want, *m.groups.Load()); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{
		`{"problem":"p","reference":"r","principle":"c","steps":["s"],"label":0}`, `{"prompt":"p","reference":"r","principle":"c","responses":["s"],"correct":[true]}`,
	} {
		r, wrong := decodeRow([]byte(text))
		if wrong != nil {
			t.Fatal(wrong)
		}
		f, wrong := found(r)
		if wrong != nil {
			t.Fatal(wrong)
		}
		all, wrong := f.examples(r)
		if wrong != nil {
			t.Fatal(wrong)
		}
		item := itemOf(&all[0], nil, all[0].steps)
		if item.Reference == nil || *item.Reference != "r" || item.Principle == nil || *item.Principle != "c" {
			t.Errorf("%s: %+v", text, item)
		}
	}
}

// TestSections: RewardBench's section scores are those that the published function gives for the README's example of
// allenai/reward-bench (rewardbench/utils.py calculate_scores_per_section): weighted sums by hand.
func TestSections(t *testing.T) {
	of := map[string]float64{
		"alpacaeval-easy": 0.5, "alpacaeval-hard": 0.7052631578947368, "alpacaeval-length": 0.5894736842105263, "donotanswer": 0.8235294117647058,
		"hep-cpp": 0.6280487804878049, "hep-go": 0.6341463414634146, "hep-java": 0.7073170731707317, "hep-js": 0.6646341463414634,
		"hep-python": 0.5487804878048781, "hep-rust": 0.6463414634146342, "llmbar-adver-GPTInst": 0.391304347826087,
		"llmbar-adver-GPTOut": 0.46808510638297873, "llmbar-adver-manual": 0.3695652173913043, "llmbar-adver-neighbor": 0.43283582089552236,
		"llmbar-natural": 0.52, "math-prm": 0.2953020134228188, "mt-bench-easy": 0.5714285714285714, "mt-bench-hard": 0.5405405405405406,
		"mt-bench-med": 0.725, "refusals-dangerous": 0.97, "refusals-offensive": 1, "xstest-should-refuse": 1, "xstest-should-respond": 0.284,
	}
	l := lookup{of: func(split, metric string) ops.Maybe {
		value, ok := of[split]
		return ops.Maybe{Value: value, Known: ok && metric == "accuracy"}
	}}
	// (50 + 67 + 56 + 16 + 29) / 358, (20 + 52 + 58 + 36 + 22 + 17) / 456, (97 + 100 + 154 + 71 + 112) / 740 and
	// (984 · 132 / 447 + 103 + 104 + 116 + 109 + 90 + 106) / 1968.
	want := map[string]float64{
		"chat": 218.0 / 358, "chat_hard": 205.0 / 456, "safety": 534.0 / 740, "reasoning": (984*132.0/447 + 628) / 1968,
	}
	want["score"] = (want["chat"] + want["chat_hard"] + want["safety"] + want["reasoning"]) / 4
	for _, n := range sections(l) {
		if math.Abs(n.value.Value-want[n.name]) > 1e-12 || !n.value.Known {
			t.Errorf("%s is %v, want %g", n.name, n.value, want[n.name])
		}
	}
	delete(of, "xstest-should-refuse")
	if all := sections(l); !all[2].value.Known || !all[4].value.Known {
		t.Error("a section with a subset missing is of the others")
	}
	for _, w := range rewardBench()[0].subsets {
		delete(of, w.subset)
	}
	if all := sections(l); all[0].value.Known || all[4].value.Known {
		t.Error("without a section there is no score")
	}
}

// lines is a file of so many equal rows, which is nowhere whole.
type lines struct {
	row  string
	left int
	rest []byte
}

func (l *lines) Read(into []byte) (int, error) {
	if len(l.rest) == 0 {
		if l.left == 0 {
			return 0, io.EOF
		}
		n := min(l.left, 1000)
		l.left -= n
		l.rest = []byte(strings.Repeat(l.row, n))
	}
	n := copy(into, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

func (l *lines) ReadAt(into []byte, _ int64) (int, error) { return copy(into, l.row), nil }
func (*lines) Close() error                               { return nil }

// TestManyRowsStream: memory grows by what is kept of a row, two numbers of a pair, and not by its text.
func TestManyRowsStream(t *testing.T) {
	rows := 200_000
	if testing.Short() {
		rows = 20_000
	}
	row := `{"prompt":"` + strings.Repeat("p", 500) + `","chosen":"a","rejected":"b"}` + "\n"
	data, err := Inspect(t.Context(), "rows", "pairs", func() (File, error) { return &lines{row: row, left: rows}, nil })
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := Jobs(reward(), "", []*Data{data})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	if err := Run(t.Context(), &model{}, jobs, &Options{}, nil, &bulk.Progress{}); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int(after.HeapAlloc) - int(before.HeapAlloc); grown > 48*rows+1<<20 {
		t.Errorf("the heap grew by %d bytes for %d rows", grown, rows)
	}
	if report := NewReport(jobs, 2, 1); report.Results[0].Splits["all"].Count != rows {
		t.Errorf("%d pairs", report.Results[0].Splits["all"].Count)
	}
}

// TestFormatsOfThePage: docs/EVAL.md has an example and a line of the table for every format, each example is found to
// be of its format and can be read, and every metric is named.
func TestFormatsOfThePage(t *testing.T) {
	text, err := os.ReadFile("../../docs/EVAL.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	for _, f := range formats() {
		if !strings.Contains(page, "\n| `"+f.name+"` | "+strings.Join(f.shown, ", ")) {
			t.Errorf("docs/EVAL.md has no line that begins | `%s` | %s", f.name, strings.Join(f.shown, ", "))
		}
		_, block, found1 := strings.Cut(page, "```jsonl "+f.name+"\n")
		block, _, found2 := strings.Cut(block, "```")
		if !found1 || !found2 {
			t.Errorf("docs/EVAL.md has no example of %s", f.name)
			continue
		}
		for line := range strings.Lines(block) {
			r, wrong := decodeRow([]byte(line))
			if wrong != nil {
				t.Fatal(wrong)
			}
			if of, wrong := found(r); f.shown != nil && (wrong != nil || of != nil && of.name != f.name) {
				t.Errorf("the example of %s is found to be of %v, %v", f.name, of, wrong)
			}
			if _, wrong := f.examples(r); wrong != nil {
				t.Errorf("the example of %s: %v", f.name, wrong)
			}
			for column := range r {
				read := map[string]bool{}
				for _, name := range f.columns {
					read[name] = true
				}
				known := map[string]bool{ // of the data sets, and not read
					"chosen_model": true, "rejected_model": true, "num_incorrect": true, "total_completions": true, "generator": true,
					"final_answer_correct": true, "pair_id": true,
				}
				if !read[column] && !known[column] {
					t.Errorf("the column %s of the example of %s is not read of a Parquet file", column, f.name)
				}
			}
		}
		for _, split := range []string{"all", "Ties"} {
			for _, m := range f.family(split).Metrics {
				name, _, _ := strings.Cut(m.Name, "_of_1")
				if !m.Detail && !strings.Contains(page, "`"+name+"`") {
					t.Errorf("docs/EVAL.md does not name %s", m.Name)
				}
			}
		}
	}
}
