package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/assay-rm/assay/commands/bulk/tables"
	"github.com/assay-rm/assay/rewards/order"
)

// Question is a row that was read: what is to be asked, or the record of a row that cannot be.
type Question struct {
	Row    tables.Row
	Key    order.Key
	Asked  any
	Record *Record // nil: it is to be asked
}

// Work is what is done with rows. It is safe for concurrent use.
type Work interface {
	// Read reads a row.
	Read(row tables.Row) Question
	// Ask gives a record for each of the questions, in their order. Its error is of the run, not of a row.
	Ask(ctx context.Context, questions []Question) ([]Record, error)
}

// Run answers all rows of a plan.
type Run struct {
	Dir     *Directory
	Rows    *tables.Rows
	Work    Work
	Batch   order.Batch // how much is asked at once
	Flight  int         // how many batches are asked at the same time, so that nobody waits for the next
	Report  func(Status)
	Each    time.Duration // how often Report is called
	Out     string
	Columns []tables.Column

	status counters
	logs   []*log // that were opened
}

// Status is how far a run is.
type Status struct {
	Rows   int64   // that have a record
	Before int64   // of Rows, what a run had that was stopped
	Failed int64   // of those of this run
	All    float64 // rows of the input, about
	Took   time.Duration
}

// counters are what a status is made of.
type counters struct {
	rows, before, failed atomic.Int64
	read, bytes          atomic.Int64 // of the input
}

// window is a part of the input whose questions are to be asked.
type window struct {
	log       *log
	questions []Question
	batches   [][]int
}

// Do asks what no log has yet and writes the result, which takes its name when it is whole. Then the directory is
// removed. Where the error is not nil the directory stays, and another run goes on from there.
func (r *Run) Do(ctx context.Context) (Plan, error) {
	ended := make(chan struct{})
	watched := r.watch(ended)
	err := r.askAll(ctx)
	close(ended)
	<-watched
	if err != nil {
		return r.Dir.plan, err
	}
	return r.assemble(ctx)
}

// askAll gives every row a record.
func (r *Run) askAll(ctx context.Context) error {
	whole, err := wholeLogs(r.Dir.path)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	windows := make(chan *window)
	defer func() {
		for _, l := range r.logs {
			l.file.Close() //nolint:errcheck // of a log that is whole it is closed; the others are read again
		}
	}()
	group.Go(func() error {
		defer close(windows)
		return r.readAll(ctx, whole, windows)
	})
	group.Go(func() error {
		flight, ctx := errgroup.WithContext(ctx)
		flight.SetLimit(r.Flight)
		for w := range windows {
			for _, batch := range w.batches {
				if ctx.Err() != nil { // nothing more is read then either
					return errors.Join(flight.Wait(), ctx.Err())
				}
				flight.Go(func() error { return r.ask(ctx, w, batch) })
			}
		}
		return flight.Wait()
	})
	return group.Wait()
}

// ask asks one batch and keeps its records.
func (r *Run) ask(ctx context.Context, w *window, batch []int) error {
	questions := make([]Question, len(batch))
	for i, at := range batch {
		questions[i] = w.questions[at]
		w.questions[at] = Question{}
	}
	records, err := r.Work.Ask(ctx, questions)
	if err != nil {
		return err
	}
	return r.keep(w.log, records)
}

// keep counts records when they are in their log.
func (r *Run) keep(in *log, records []Record) error {
	if err := in.append(records); err != nil {
		return err
	}
	for i := range records {
		if records[i].Failed {
			r.status.failed.Add(1)
		}
	}
	r.status.rows.Add(int64(len(records)))
	return nil
}

// readAll reads the windows one after the other and sends what is to be asked of them.
func (r *Run) readAll(ctx context.Context, whole map[int]int, to chan<- *window) error {
	defer r.Rows.Close() //nolint:errcheck // they were only read
	for n := 0; ; n++ {
		if rows, known := whole[n]; known {
			if err := r.Rows.Skip(int64(rows)); err != nil {
				return unexpected(err)
			}
			r.passed(rows, rows)
			continue
		}
		w, err := r.readWindow(ctx, n)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		last := err != nil
		if w != nil && len(w.batches) > 0 {
			select {
			case to <- w:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if last {
			return nil
		}
	}
}

// passed counts rows that were read, and those of them that had records before.
func (r *Run) passed(rows, before int) {
	r.status.read.Add(int64(rows))
	r.status.bytes.Store(r.Rows.Done())
	r.status.before.Add(int64(before))
	r.status.rows.Add(int64(before))
}

// unexpected is the error of an input that ends before what was read of it once.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readWindow reads one window, opens its log, and plans what the log does not have. With the last of the input the
// error is io.EOF.
func (r *Run) readWindow(ctx context.Context, n int) (*window, error) {
	var questions []Question
	size, most := 0, r.Dir.plan.Window
	var end error
	for len(questions) < most.Rows && size < most.Bytes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		row, err := r.Rows.Next()
		if err != nil {
			end = err
			break
		}
		size += len(row.Text())
		questions = append(questions, r.Work.Read(row))
	}
	if end != nil && (!errors.Is(end, io.EOF) || len(questions) == 0) {
		return nil, end
	}
	in, records, err := resume(r.Dir.path, n)
	if err != nil {
		return nil, err
	}
	r.logs = append(r.logs, in)
	in.rows, in.left = len(questions), len(questions)
	w := &window{log: in}
	if err := r.plan(w, questions, records); err != nil {
		return nil, err
	}
	return w, end
}

// plan keeps what has a record already and divides the rest into batches.
func (r *Run) plan(w *window, questions []Question, records []Record) error {
	done := make(map[int64]bool, len(records))
	for i := range records {
		done[records[i].Row] = true
	}
	r.passed(len(questions), len(done))
	w.log.left -= len(done)
	var refused []Record
	var keys []order.Key
	for i := range questions {
		switch q := &questions[i]; {
		case done[q.Row.Number]:
		case q.Record != nil:
			refused = append(refused, *q.Record)
		default:
			w.questions = append(w.questions, *q)
			keys = append(keys, q.Key)
		}
	}
	w.batches = order.Plan(keys, r.Batch)
	if w.log.left == 0 { // it was stopped between its last record and its end
		return w.log.end()
	}
	if len(refused) == 0 {
		return nil
	}
	return r.keep(w.log, refused)
}

// watch reports how far the run is until ended is closed; then it closes its result.
func (r *Run) watch(ended <-chan struct{}) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		start := time.Now()
		ticker := time.NewTicker(r.Each)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				r.Report(r.state(start))
				return
			case <-ticker.C:
				r.Report(r.state(start))
			}
		}
	}()
	return done
}

func (r *Run) state(start time.Time) Status {
	s := Status{Rows: r.status.rows.Load(), Before: r.status.before.Load(), Failed: r.status.failed.Load(), Took: time.Since(start)}
	all := int64(0)
	for _, file := range r.Dir.plan.Inputs {
		all += file.Size
	}
	if bytes := r.status.bytes.Load(); bytes > 0 {
		s.All = float64(r.status.read.Load()) * float64(all) / float64(bytes)
	}
	return s
}

// assemble makes the result of the logs.
func (r *Run) assemble(ctx context.Context) (Plan, error) {
	plan := r.Dir.plan
	whole, err := wholeLogs(r.Dir.path)
	if err != nil {
		return plan, err
	}
	made := filepath.Join(r.Dir.path, "result")
	out, err := tables.Create(made, r.Out, r.Columns)
	if err != nil {
		return plan, err
	}
	for n := range len(whole) {
		records, err := wholeLog(r.Dir.path, n, whole[n], plan.Rows+1)
		if err == nil {
			err = ctx.Err()
		}
		for i := range records {
			if err == nil {
				err = out.Write(records[i].Text)
			}
			plan.Rows++
			if records[i].Failed {
				plan.Failed++
			}
		}
		if err != nil {
			return plan, errors.Join(err, out.Discard())
		}
	}
	if err := out.Close(); err != nil {
		return plan, err
	}
	for i := range plan.Inputs {
		if err := plan.Inputs[i].Unchanged(); err != nil {
			return plan, fmt.Errorf("there is no result: %w: --restart begins anew", err)
		}
	}
	plan.Inputs = slices.Clone(plan.Inputs)
	for i := range plan.Inputs {
		plan.Inputs[i].Changed = ""
	}
	if err := writeWhole(PlanOf(r.Out), &plan); err != nil {
		return plan, err
	}
	if err := os.Rename(made, r.Out); err != nil {
		return plan, err
	}
	return plan, errors.Join(syncDir(filepath.Dir(r.Out)), r.Dir.Remove())
}

// PlanOf is the name of the plan that lies beside a result.
func PlanOf(result string) string { return result + ".run.json" }
