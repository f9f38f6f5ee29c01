package commands

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// page is text for people. Its writer remembers an error until flush.
type page struct {
	out *bufio.Writer
}

func newPage(w io.Writer) *page { return &page{bufio.NewWriter(w)} }

// line writes one line.
func (p *page) line(format string, args ...any) {
	fmt.Fprintf(p.out, format+"\n", args...) //nolint:errcheck // flush tells
}

// table writes rows under a header, each column as wide as its widest cell. Columns named in right are aligned right.
func (p *page) table(header, right []string, rows [][]string) {
	rows = append([][]string{header}, rows...)
	widths := make([]int, len(header))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var text strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if slices.Contains(right, header[i]) {
				text.WriteString(padding + cell + "  ")
			} else {
				text.WriteString(cell + padding + "  ")
			}
		}
		p.line("%s", strings.TrimRight(text.String(), " "))
	}
}

func (p *page) flush() error { return p.out.Flush() }
