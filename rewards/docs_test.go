package rewards

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestAPIPageHasTheTable holds docs/API.md to the table of problems. The wanted rows are printed when they differ.
func TestAPIPageHasTheTable(t *testing.T) {
	page, err := os.ReadFile("../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| code | status | when | what mends it |\n|---|---|---|---|\n")
	for _, kind := range ProblemKinds() {
		fmt.Fprintf(&want, "| `%s` | %d | %s | %s |\n", kind.Code, kind.Status, kind.When, kind.Mend)
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("docs/API.md has another table; it should be\n%s", want.String())
	}
}
