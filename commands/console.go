package commands

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/assay-rm/assay/commands/bulk"
	"github.com/assay-rm/assay/commands/page"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
)

// errUsage marks an error of the command line itself.
var errUsage = errors.New("usage")

// usage is an error of the command line that the parser could not see.
func usage(format string, args ...any) error {
	return usageError(fmt.Sprintf(format, args...))
}

type usageError string

func (e usageError) Error() string      { return string(e) }
func (usageError) Is(target error) bool { return target == errUsage }

// console is the process's standard streams.
type console struct {
	in, out, err *os.File
}

// maxComplaint is how many characters the one line may have that says why a command failed, whatever the error holds.
const maxComplaint = 500

// complain says what went wrong, in one line after the program's name and, where it has one, the error's stable code.
func (c *console) complain(err error) {
	text := strings.TrimSpace(err.Error())
	var (
		known   *fault.Error
		refused *failure.Error
	)
	switch {
	case errors.As(err, &refused):
		text = refused.Code + ": " + text
	case errors.As(err, &known):
		text = known.Code + ": " + text
	}
	fmt.Fprintln(c.err, page.OneLine("assay: "+text, maxComplaint)) //nolint:errcheck // there is nobody else to tell
}

// terminal tells whether a person sits at the stream.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

// logger writes to stderr: text where a person reads it, JSON lines otherwise, unless the format is named.
func (c *console) logger(format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration { // JSON would have nanoseconds
			a.Value = slog.StringValue(a.Value.Duration().Round(time.Microsecond).String())
		}
		return a
	}}
	if format == "text" || (format == "auto" && terminal(c.err)) {
		return slog.New(slog.NewTextHandler(c.err, options))
	}
	return slog.New(slog.NewJSONHandler(c.err, options))
}

// progress begins a bar over total bytes; 0 says that the end is not known. It is drawn only where a person sees stderr
// and the results go elsewhere, since they show the progress themselves otherwise. A command that is silent until its
// end draws it beside its results too.
func (c *console) progress(total int64, silent bool) *bulk.Progress {
	if !terminal(c.err) || (terminal(c.out) && !silent) {
		return &bulk.Progress{}
	}
	return bulk.NewProgress(c.err, total)
}
