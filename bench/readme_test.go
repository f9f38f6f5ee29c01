package main

import (
	"os"
	"strings"
	"testing"
)

func TestTheReadmeQuotesItsResultsFiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	files := quoted(string(text))
	if len(files) == 0 {
		t.Fatal("the README names no results file")
	}
	want, err := withFigures(string(text), ".", files)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Errorf("the README's figures are not those of %v: go run ./bench -quote %s writes them", files, strings.Join(files, ","))
	}
}

func TestWhatIsQuoted(t *testing.T) {
	t.Parallel()
	report := Report{Commit: "abc+", Results: []Result{
		{Name: "good", Checks: []Check{{What: "speed", Figure: 2, Low: 1.5, High: 2.5, Rounds: 2, Limit: 1.9}, {What: "wrong", AtMost: true}}},
		{Name: "once", Checks: []Check{{What: "speed", Figure: 7, Rounds: 1}}},
		{Name: "void", Void: "disturbed", Checks: []Check{{What: "speed", Figure: 7, Rounds: 3}}},
	}}
	got := report.figures("x.json")
	if !strings.Contains(got, "| good | 2 | 1.50–2.50 | ≥ 1.90 | speed |\n") || strings.Count(got, "\n| ") != 2 {
		t.Errorf("want one figure: of two rounds, and not disturbed:\n%s", got)
	}
	if !strings.Contains(got, "commit abc+") {
		t.Error("that files differed from the commit is not quoted")
	}
	if _, err := withFigures("no lines", ".", nil); err == nil {
		t.Error("figures were put into a text without a place for them")
	}
}
