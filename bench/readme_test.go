package main

import (
	"os"
	"regexp"
	"slices"
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

// TestTheReadmesTableIsTheCodes holds the rows of loads to the loads, the numbers that are asked to those of -list, and
// the rows of servers to the servers.
func TestTheReadmesTableIsTheCodes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{} // by each name of a first cell
	for line := range strings.Lines(string(text)) {
		if first, _, found := strings.Cut(strings.TrimPrefix(line, "| "), " | "); found && strings.HasPrefix(first, "`") {
			names, _, _ := strings.Cut(first, ":")
			for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(names, -1) {
				rows[name[1]] = line
			}
		}
	}
	numbers := regexp.MustCompile(`[0-9]+(?:\.[0-9]+)?`)
	for _, s := range scenarios() {
		cells := strings.Split(rows[s.Name], "|")
		if len(cells) != 5 {
			t.Errorf("%s: no row of three cells: %q", s.Name, rows[s.Name])
			continue
		}
		for _, asked := range numbers.FindAllString(strings.NewReplacer("float32", "", "bfloat16", "", "int8", "").Replace(s.Asked), -1) {
			if !slices.Contains(numbers.FindAllString(cells[2]+cells[3], -1), asked) {
				t.Errorf("%s: asked is %q, the README has %q", s.Name, s.Asked, cells[2]+cells[3])
			}
		}
		delete(rows, s.Name)
	}
	for _, name := range serverNames {
		if rows[name] == "" && !slices.Contains([]string{serverInt8, serverNull, serverCrowd, serverRecipe}, name) { // loads have these names
			t.Errorf("the server %s has no row", name)
		}
		delete(rows, name)
	}
	for name := range rows {
		if !slices.Contains([]string{"padded", "packed", "openvino-float32", "openvino-bfloat16", "padded-int8", "packed-int8"}, name) {
			t.Errorf("the README has a row of %s, which is no load, no server and no engine", name)
		}
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
