package job

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/commands/bulk/tables"
	"github.com/assay-rm/assay/rewards/order"
)

// echo answers a row with its text, and breaks off after some batches.
type echo struct {
	mu    sync.Mutex
	lives int // batches that are answered before it breaks off; negative: all
	asked map[int64]int
	read  int
}

var errBroken = errors.New("broken off")

func (e *echo) Read(row tables.Row) Question {
	e.read++
	q := Question{Row: row, Key: order.Key{Shared: uint64(row.Number % 3), Size: len(row.Text())}}
	if row.Number%7 == 0 {
		q.Record = &Record{row.Number, fmt.Appendf(nil, `{"row":%d,"error":{"code":"x"}}`, row.Number), true}
	}
	return q
}

func (e *echo) Ask(_ context.Context, questions []Question) ([]Record, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lives == 0 {
		return nil, errBroken
	}
	e.lives--
	records := make([]Record, len(questions))
	for i, q := range questions {
		e.asked[q.Row.Number]++
		records[i] = Record{Row: q.Row.Number, Text: fmt.Appendf(nil, `{"row":%d,"of":%s}`, q.Row.Number, q.Row.Text())}
	}
	return records, nil
}

// folder is an input of rows in two files, and a result beside it.
type folder struct {
	dir, out string
	files    []tables.File
	columns  *tables.Columns
}

func newFolder(t *testing.T, first, second int) *folder {
	t.Helper()
	f := &folder{dir: t.TempDir()}
	for n, rows := range []int{first, second} {
		var text strings.Builder
		for i := range rows {
			fmt.Fprintf(&text, "{\"n\":%d,\"t\":%q}\n", i, strings.Repeat("x", (i*7)%23))
		}
		if err := os.WriteFile(filepath.Join(f.dir, fmt.Sprintf("%d.jsonl", n)), []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if f.files, err = tables.Find([]string{filepath.Join(f.dir, "*.jsonl")}); err != nil {
		t.Fatal(err)
	}
	if f.columns, err = tables.NewColumns(nil, func([]byte) ([]string, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	f.out = filepath.Join(f.dir, "out.jsonl")
	return f
}

// do runs once, with what a run before it has left.
func (f *folder) do(work Work, window Window, batch order.Batch, flight int) (Plan, error) {
	dir, err := Open(f.out+".part", Plan{Command: "test", Inputs: f.files, Window: window})
	if err != nil {
		return Plan{}, err
	}
	run := Run{
		Dir: dir, Rows: tables.Read(f.files, f.columns), Work: work, Batch: batch, Flight: flight, Out: f.out,
		Report: func(Status) {}, Each: time.Hour,
	}
	plan, err := run.Do(context.Background())
	return plan, errors.Join(err, ignoreClosed(dir.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// want is what the result must be.
func want(first, second int) string {
	var text strings.Builder
	for n := range first + second {
		i, row := n, n+1
		if n >= first {
			i -= first
		}
		if row%7 == 0 {
			fmt.Fprintf(&text, "{\"row\":%d,\"error\":{\"code\":\"x\"}}\n", row)
			continue
		}
		fmt.Fprintf(&text, "{\"row\":%d,\"of\":{\"n\":%d,\"t\":%q}}\n", row, i, strings.Repeat("x", (i*7)%23))
	}
	return text.String()
}

// TestAResultIsTheSameWhateverStopsIt: of any number of rows, with any window, batch and flight, a run that breaks off
// anywhere, and whose logs lose their ends as those of a killed process do, ends with the result of an undisturbed one;
// and no row is asked again whose record was kept.
func TestAResultIsTheSameWhateverStopsIt(t *testing.T) {
	defer goleak.VerifyNone(t)
	rapid.Check(t, func(r *rapid.T) {
		first, second := rapid.IntRange(0, 60).Draw(r, "first"), rapid.IntRange(0, 60).Draw(r, "second")
		f := newFolder(t, first, second)
		window := Window{rapid.IntRange(1, 40).Draw(r, "window"), rapid.IntRange(1, 900).Draw(r, "bytes")}
		batch := order.Batch{Questions: rapid.IntRange(1, 9).Draw(r, "batch"), Bytes: rapid.IntRange(1, 300).Draw(r, "batch bytes")}
		work := &echo{asked: map[int64]int{}}
		torn := 0
		for {
			work.lives = rapid.IntRange(0, 9).Draw(r, "lives")
			if torn > 20 {
				work.lives = -1
			}
			plan, err := f.do(work, window, batch, rapid.IntRange(1, 4).Draw(r, "flight"))
			if err == nil {
				if plan.Rows != int64(first+second) || plan.Failed != int64((first+second)/7) {
					r.Fatalf("%d rows, %d failed", plan.Rows, plan.Failed)
				}
				break
			}
			if !errors.Is(err, errBroken) {
				r.Fatal(err)
			}
			torn += tear(t, f.out+".part", rapid.Uint64().Draw(r, "tear"))
		}
		got, err := os.ReadFile(f.out)
		if err != nil || string(got) != want(first, second) {
			r.Fatalf("%v\n%s\nwant\n%s", err, got, want(first, second))
		}
		again := 0
		for _, n := range work.asked {
			again += n - 1
		}
		if torn == 0 && again > 0 {
			r.Fatalf("%d rows were asked again, and no record was lost", again)
		}
		if left, err := filepath.Glob(f.out + ".part*"); err != nil || len(left) > 0 {
			r.Fatalf("left behind: %v, %v", left, err)
		}
	})
}

// tear cuts a log that is not whole somewhere in its last bytes, or writes others there, half of the times. It tells
// how many logs it has torn.
func tear(t *testing.T, dir string, seed uint64) (torn int) {
	t.Helper()
	chance := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // drawn
	logs, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range logs {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) == 0 || chance.IntN(2) == 0 {
			continue
		}
		text = text[:len(text)-1-chance.IntN(min(60, len(text)))]
		if chance.IntN(2) == 0 {
			text = append(text, make([]byte, chance.IntN(40))...)
		}
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		torn++
	}
	return torn
}

// TestARunThatBreaksOffReadsNoFurther: what is wrong with the first rows of a large file is said at once.
func TestARunThatBreaksOffReadsNoFurther(t *testing.T) {
	f := newFolder(t, 500, 500)
	work := &echo{asked: map[int64]int{}}
	if _, err := f.do(work, Window{2, 1000}, order.Batch{Questions: 2, Bytes: 100}, 1); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if work.read > 100 {
		t.Errorf("%d rows were read", work.read)
	}
}

// TestAnotherRunIsRefused: what goes on must be of the same plan, and the error says what is not.
func TestAnotherRunIsRefused(t *testing.T) {
	f := newFolder(t, 9, 9)
	window := Window{5, 1000}
	work := &echo{asked: map[int64]int{}, lives: 1}
	if _, err := f.do(work, window, order.Batch{Questions: 2, Bytes: 100}, 1); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	begun, err := Open(f.out+".part", Plan{Command: "test", Inputs: f.files, Window: window})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(begun.Answered("m", "sha256:d"), begun.Close()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.files[1].Path, []byte("{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	files, err := tables.Find([]string{filepath.Join(f.dir, "*.jsonl")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Open(f.out+".part", Plan{Command: "rank", Options: map[string]string{"label": "y"}, Inputs: files, Window: window})
	for _, part := range []string{"the command was test and is rank", "--label was left out and is y", "1.jsonl has changed: it had "} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	held, err := Open(f.out+".part", Plan{Command: "test", Inputs: f.files, Window: window})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(f.out+".part", Plan{Command: "test", Inputs: f.files, Window: window}); err == nil || !strings.Contains(err.Error(), "another process works in") {
		t.Errorf("of two processes: %v", err)
	}
	if err := Discard(f.out + ".part"); err == nil || !strings.Contains(err.Error(), "another process works in") {
		t.Errorf("discarded under a process: %v", err)
	}
	if err := held.Remove(); err != nil {
		t.Error(err)
	}
}

// changes changes the input while its rows are asked.
type changes struct {
	echo
	once   sync.Once
	change func()
}

func (c *changes) Ask(ctx context.Context, questions []Question) ([]Record, error) {
	c.once.Do(c.change)
	return c.echo.Ask(ctx, questions)
}

// TestAnInputThatChangesHasNoResult: by its size, its ends or its time, as far as the rows were read before.
func TestAnInputThatChangesHasNoResult(t *testing.T) {
	for _, test := range []struct {
		says   string
		change func(name string) error
	}{
		{"bytes and has 3", func(name string) error { return os.WriteFile(name, []byte("{}\n"), 0o600) }},
		{"its first or last 64 KiB are others", func(name string) error {
			text, err := os.ReadFile(name) //nolint:gosec // a test's own
			if err != nil {
				return err
			}
			return os.WriteFile(name, append([]byte(" "), text[:len(text)-1]...), 0o600) //nolint:gosec // a test's own
		}},
		{"it was of ", func(name string) error { return os.Chtimes(name, time.Time{}, time.Now().Add(time.Hour)) }},
		{"no such file", os.Remove},
	} {
		f := newFolder(t, 9, 9)
		work := &changes{echo: echo{asked: map[int64]int{}, lives: -1}, change: func() {
			if err := test.change(f.files[0].Path); err != nil {
				t.Error(err)
			}
		}}
		_, err := f.do(work, Window{20, 10000}, order.Batch{Questions: 2, Bytes: 100}, 1)
		if err == nil || !strings.Contains(err.Error(), "there is no result: ") || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%q: %v", test.says, err)
		}
		if _, err := os.Stat(f.out); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%q: there is a result: %v", test.says, err)
		}
	}
}

// TestAPlanThatNobodyAnsweredIsReplaced: a run that was stopped before its first answer has nothing to lose.
func TestAPlanThatNobodyAnsweredIsReplaced(t *testing.T) {
	f := newFolder(t, 3, 3)
	for _, command := range []string{"score", "rank"} {
		dir, err := Open(f.out+".part", Plan{Command: command, Inputs: f.files})
		if err != nil {
			t.Fatal(err)
		}
		if stored, err := ReadPlan(filepath.Join(f.out+".part", planFile)); err != nil || stored.Command != command {
			t.Errorf("%v: the plan is of %s", err, stored.Command)
		}
		if err := dir.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLogsWithoutAPlanAreOfNoRun: what a run has half removed, or half begun, is no part of the next.
func TestLogsWithoutAPlanAreOfNoRun(t *testing.T) {
	f := newFolder(t, 9, 9)
	work := &echo{asked: map[int64]int{}, lives: 3}
	if _, err := f.do(work, Window{5, 1000}, order.Batch{Questions: 2, Bytes: 100}, 1); !errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(f.out+".part", planFile)); err != nil {
		t.Fatal(err)
	}
	work = &echo{asked: map[int64]int{}, lives: -1}
	if _, err := f.do(work, Window{4, 1000}, order.Batch{Questions: 2, Bytes: 100}, 1); err != nil {
		t.Fatal(err)
	}
	if len(work.asked) != 16 {
		t.Errorf("%d rows were asked, and 16 were to be", len(work.asked))
	}
}
