// Package page writes text for people: lines and tables.
package page

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Page is text for people. What goes wrong in writing it is told by Flush.
type Page struct {
	out *bufio.Writer
}

// New begins a page. Its owner flushes it.
func New(w io.Writer) *Page { return &Page{bufio.NewWriter(w)} }

// Write writes bytes as they are.
func (p *Page) Write(text []byte) (int, error) { return p.out.Write(text) }

// Line writes one line.
func (p *Page) Line(format string, args ...any) {
	fmt.Fprintf(p.out, format+"\n", args...) //nolint:errcheck // Flush tells
}

// Table writes rows under a header, each column as wide as its widest cell. Columns named in right are aligned right.
func (p *Page) Table(header, right []string, rows [][]string) {
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
		p.Line("%s", strings.TrimRight(text.String(), " "))
	}
}

// Flush writes what is not written yet, and tells whether all was.
func (p *Page) Flush() error { return p.out.Flush() }

// OneLine makes text fit a place in a table: white space and control characters become single blanks, and what is
// longer than width characters is cut.
func OneLine(text string, width int) string {
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
