package batching

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheDrawingIsAPlan holds the drawing in the package comment to the plan that it shows.
func TestTheDrawingIsAPlan(t *testing.T) {
	source, err := os.ReadFile("batching.go")
	if err != nil {
		t.Fatal(err)
	}
	var drawn []string
	for line := range strings.Lines(string(source)) {
		if text, ok := strings.CutPrefix(line, "//\t"); ok {
			drawn = append(drawn, strings.TrimRight(text, "\n"))
		} else if text == "//\n" && len(drawn) > 0 {
			drawn = append(drawn, "")
		}
		if strings.HasPrefix(line, "package") {
			break
		}
	}
	prompt := run(1, 8)
	sequences := []Sequence{
		seq(append(prompt[:8:8], 21, 22, 23)...),
		seq(append(prompt[:8:8], 31, 32)...),
		seq(append(prompt[:8:8], 41, 42, 43, 44)...),
	}
	plan, _, err := MakePlan(sequences, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := draw(plan)
	if diff := cmp.Diff(want, strings.TrimRight(strings.Join(drawn, "\n"), "\n")); diff != "" {
		t.Errorf("the drawing is (-want +got):\n%s\nwant\n%s", diff, want)
	}
}

// draw shows a packed plan without a past. A dot is a place that nothing is in.
func draw(plan *Plan) string {
	var out strings.Builder
	tile := func(token int) int64 { return plan.Scatter[token] / int64(plan.Queries) }
	row := func(name string, cell func(token int) string, end string) {
		fmt.Fprintf(&out, "%-10s", name)
		for token := range plan.IDs {
			if token > 0 && tile(token) != tile(token-1) {
				out.WriteString("  |")
			}
			fmt.Fprintf(&out, "%3s", cell(token))
		}
		out.WriteString(end + "\n")
	}
	row("token", func(token int) string { return strconv.Itoa(token) }, fmt.Sprintf("   T = %d", len(plan.IDs)))
	row("IDs", func(token int) string { return strconv.FormatInt(plan.IDs[token], 10) }, "")
	row("Positions", func(token int) string { return strconv.FormatInt(plan.Positions[token], 10) }, "")
	fmt.Fprintf(&out, "Read      %v   N = %d\n", plan.Read, len(plan.Read))
	fmt.Fprintf(&out, "\ntile   tokens that it computes   and the keys that these see         R = %d, Q = %d, K = %d\n",
		plan.Tiles, plan.Queries, plan.Keys)
	for r := range plan.Tiles {
		fmt.Fprintf(&out, "%4d  ", r)
		for q := range plan.Queries {
			token := plan.QueryIndex[r*plan.Queries+q]
			place(&out, token, plan.Scatter[token] == int64(r*plan.Queries+q))
		}
		out.WriteString("    ")
		for k := range plan.Keys {
			place(&out, plan.KeyIndex[r*plan.Keys+k], k < int(plan.KeyLen[r]))
		}
		out.WriteString("\n")
	}
	return strings.TrimRight(out.String(), "\n")
}

func place(out *strings.Builder, index int64, taken bool) {
	if taken {
		fmt.Fprintf(out, "%3d", index)
	} else {
		out.WriteString("  ·")
	}
}
