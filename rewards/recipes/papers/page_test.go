package papers

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards/recipes"
)

var update = flag.Bool("update", false, "write docs/PAPERS.md anew")

const page = "../../../docs/PAPERS.md"

const introduction = `# The reward systems of papers

Written by ` + "`go test ./rewards/recipes/papers -run Page -update`" + `; do not edit by hand.

Each recipe below is one YAML file that comes with ` + "`assay`" + `: ` + "`assay serve --recipe NAME`" + ` serves it, and
[RECIPES.md](RECIPES.md) has the language. Its worked example was computed by ` + "`rewards/recipes/papers/examples.py`" + `,
plain Python from the formula with nothing of ours, and a test holds the recipe to it to 1e-9; another one runs it over
tiny real models. *Read in* says where the formula was read: the authors' code, the paper's text, or second-hand in
others' notes or code. What is not confirmed stands in the recipe as a parameter without a default.

`

// TestPageOfPapers: docs/PAPERS.md is what the recipes and the table of titles say.
func TestPageOfPapers(t *testing.T) {
	of := map[string][]*recipes.Recipe{} // by the paper's title
	for _, name := range Names() {
		text, _ := Read(name)
		r, err := recipes.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		of[r.Paper] = append(of[r.Paper], r)
	}
	var written strings.Builder
	written.WriteString(introduction)
	for i, row := range titles {
		fmt.Fprintf(&written, "## %d. %s\n\nKind: %s. Read in: %s.\n", i+1, row.title, row.kind, row.read)
		if row.note != "" {
			fmt.Fprintf(&written, "\n%s\n", wrapped(row.note))
		}
		if row.note == "" && len(of[row.title]) == 0 {
			t.Errorf("%s: there is neither a recipe nor a reason", row.title)
		}
		for _, r := range of[row.title] {
			fmt.Fprintf(&written, "\n%s\n\n```json\n%s\n```\n", wrapped("**"+r.Name+"**: "+r.About), request(t, r))
		}
		written.WriteString("\n")
		delete(of, row.title)
	}
	written.WriteString("## Others\n")
	for _, title := range slices.Sorted(maps.Keys(of)) {
		for _, r := range of[title] {
			fmt.Fprintf(&written, "\n%s\n\n```json\n%s\n```\n", wrapped("**"+r.Name+"** ("+title+"): "+r.About), request(t, r))
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(written.String()), 0o644); err != nil { //nolint:gosec // a page that everybody may read
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), written.String()); diff != "" {
		t.Errorf("docs/PAPERS.md (-page +recipes; -update writes it anew):\n%s", diff)
	}
}

// wrapped is a text in lines of at most 120 columns.
func wrapped(text string) string {
	var out strings.Builder
	width := 0
	for word := range strings.FieldsSeq(text) {
		switch n := utf8.RuneCountInString(word); {
		case width == 0:
			width = n
		case width+1+n > 120:
			out.WriteString("\n")
			width = n
		default:
			out.WriteString(" ")
			width += 1 + n
		}
		out.WriteString(word)
	}
	return out.String()
}

// request is a body to copy: of the example's params and fields, with texts of a problem.
func request(t *testing.T, r *recipes.Recipe) string {
	t.Helper()
	body := []string{`{"model": ` + asJSON(t, r.Name)}
	if len(r.Example.Params) > 0 {
		body = append(body, `"params": `+asJSON(t, plain(r.Example.Params)))
	}
	steps := slices.ContainsFunc(r.Readings, func(one recipes.Reading) bool { return one.Gives == recipes.Steps })
	if r.Group == nil {
		item := map[string]any{"prompt": "What is 12 + 30?", "response": "It is 42."}
		if _, kinds := fields(r, r.Example.Given)["kinds"]; steps || kinds {
			delete(item, "response")
			item["steps"] = []string{"12 + 30 ", "= 42"}
		}
		if r.NamesReference() {
			item["reference"] = "42"
		}
		if given := fields(r, r.Example.Given); len(given) > 0 {
			item["given"] = given
		}
		return strings.Join(append(body, `"items": [`+asJSON(t, item)+`]}`), ",\n ")
	}
	responses, given := []string{"It is 42.", "It is 41."}, []any{}
	for len(responses) < len(r.Example.Group) {
		responses = append(responses, fmt.Sprintf("Perhaps %d.", 40+len(responses)))
	}
	for _, member := range r.Example.Group {
		given = append(given, fields(r, member))
	}
	body = append(body, `"prompt": "What is 12 + 30?"`, `"responses": `+asJSON(t, responses))
	if steps {
		body = append(body, `"separator": "\n"`)
	}
	if len(r.Given) > 0 {
		body = append(body, `"given": `+asJSON(t, given))
	}
	return strings.Join(body, ",\n ") + "}"
}

// fields are what a request says of an item in the example, beside what readings give.
func fields(r *recipes.Recipe, of map[string]recipes.Given) map[string]any {
	all := map[string]recipes.Given{}
	for _, p := range r.Given {
		if one, there := of[p.Name]; there {
			all[p.Name] = one
		}
	}
	return plain(all)
}

func plain(of map[string]recipes.Given) map[string]any {
	all := map[string]any{}
	for name, one := range of {
		switch {
		case one.Words != nil:
			all[name] = one.Words
		case one.Vector != nil:
			all[name] = one.Vector
		case one.Word != "":
			all[name] = one.Word
		default:
			all[name] = one.Number
		}
	}
	return all
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
