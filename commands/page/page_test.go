package page

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func shown(show func(p *Page)) string {
	var text strings.Builder
	p := New(&text)
	show(p)
	if err := p.Flush(); err != nil {
		panic(err)
	}
	return "\n" + text.String()
}

func TestTable(t *testing.T) {
	got := shown(func(p *Page) {
		p.Table([]string{"name", "n"}, []string{"n"}, [][]string{{"a", "1"}, {"größer", "100"}, {"", ""}})
	})
	want := `
name      n
a         1
größer  100

`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"a\n\tb  c":      "a b c",
		"\x1b[31mred":    "[31mred",
		"1234567890":     "1234567890",
		"12345678901":    "123456789…",
		"ääääääääääääää": "äääääääää…",
	} {
		if got := OneLine(text, 10); got != want {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}
