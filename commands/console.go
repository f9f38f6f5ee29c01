package commands

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
	"unicode"

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
	fmt.Fprintln(c.err, oneLine("assay: "+text, maxComplaint)) //nolint:errcheck // there is nobody else to tell
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

// oneLine makes text fit a place in a table: white space and control characters become single blanks, and what is
// longer than width characters is cut.
func oneLine(text string, width int) string {
	blanked := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	runes := []rune(strings.Join(strings.Fields(blanked), " "))
	if len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}
