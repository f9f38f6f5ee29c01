package commands

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/assay-rm/assay/models/fault"
)

// Whatever an error holds, a command says it in one line of at most 500 characters, without what would move a
// terminal's cursor.
func TestAComplaintIsOneShortLine(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("short"), "assay: short\n"},
		{fault.New(fault.CodeBundle, "two\nlines, \x1b[31mred\x1b[0m\r\n"), "assay: bad_bundle: two lines, [31mred [0m\n"},
		{errors.New(strings.Repeat("é", 1000)), "assay: " + strings.Repeat("é", 500-len("assay: ")-1) + "…\n"},
	} {
		file, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close() //nolint:errcheck // a test's
		(&console{err: file}).complain(c.err)
		if said, err := os.ReadFile(file.Name()); err != nil || string(said) != c.want {
			t.Errorf("%q, %v; want %q", said, err, c.want)
		}
	}
}
