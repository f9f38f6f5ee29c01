package bulk

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress is a bar that shows how far a file has been read. Its zero value draws nothing.
type Progress struct {
	bars  *mpb.Progress
	bar   *mpb.Bar // nil: nothing is drawn
	bytes int64
	lines atomic.Int64
}

// NewProgress begins a bar over total bytes, drawn on a terminal; 0 says that the end is not known.
func NewProgress(terminal io.Writer, total int64) *Progress {
	p := &Progress{}
	p.bars = mpb.New(mpb.WithOutput(terminal), mpb.WithWidth(60))
	count := decor.Any(func(decor.Statistics) string { return fmt.Sprintf("%d lines ", p.lines.Load()) })
	if total == 0 {
		p.bar = p.bars.New(0, mpb.SpinnerStyle(), mpb.PrependDecorators(count))
		return p
	}
	p.bar = p.bars.New(total, mpb.BarStyle(), mpb.PrependDecorators(count),
		mpb.AppendDecorators(decor.Percentage(), decor.Name("  "), decor.AverageETA(decor.ET_STYLE_GO)))
	return p
}

// Advance says how many bytes and lines are done.
func (p *Progress) Advance(bytes int64, lines int) {
	p.bytes = bytes
	p.lines.Store(int64(lines))
	if p.bar != nil {
		p.bar.SetCurrent(bytes)
	}
}

// Done says how many bytes and lines are done.
func (p *Progress) Done() (bytes int64, lines int) { return p.bytes, int(p.lines.Load()) }

// Stop ends the bar and waits until it is drawn. It may be called again.
func (p *Progress) Stop() {
	if p.bar == nil {
		return
	}
	p.bar.Abort(false)
	p.bars.Wait()
	p.bar = nil
}
