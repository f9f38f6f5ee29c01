package commands

import (
	"fmt"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// progress is a bar on stderr. It is drawn only where a person sees stderr and the results go elsewhere, since they show the
// progress themselves otherwise.
type progress struct {
	bars  *mpb.Progress
	bar   *mpb.Bar // nil: nothing is drawn
	bytes int64
	lines atomic.Int64
}

// newProgress begins a bar over total bytes; 0 says that the end is not known. A command that is silent until its end draws
// it beside its results too.
func newProgress(con *console, total int64, silent bool) *progress {
	p := &progress{}
	if !terminal(con.err) || (terminal(con.out) && !silent) {
		return p
	}
	p.bars = mpb.New(mpb.WithOutput(con.err), mpb.WithWidth(60))
	count := decor.Any(func(decor.Statistics) string { return fmt.Sprintf("%d lines ", p.lines.Load()) })
	if total == 0 {
		p.bar = p.bars.New(0, mpb.SpinnerStyle(), mpb.PrependDecorators(count))
		return p
	}
	p.bar = p.bars.New(total, mpb.BarStyle(), mpb.PrependDecorators(count),
		mpb.AppendDecorators(decor.Percentage(), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
	return p
}

// advance says how many bytes and lines are done.
func (p *progress) advance(bytes int64, lines int) {
	p.bytes = bytes
	p.lines.Store(int64(lines))
	if p.bar != nil {
		p.bar.SetCurrent(bytes)
	}
}

// done says how many bytes and lines are done.
func (p *progress) done() (bytes int64, lines int) { return p.bytes, int(p.lines.Load()) }

// stop ends the bar and waits until it is drawn. It may be called again.
func (p *progress) stop() {
	if p.bar == nil {
		return
	}
	p.bar.Abort(false)
	p.bars.Wait()
	p.bar = nil
}
