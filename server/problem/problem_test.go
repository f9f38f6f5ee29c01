package problem

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// TestAPIPageHasTheTable holds docs/API.md to the table of problems. The wanted rows are printed when they differ.
func TestAPIPageHasTheTable(t *testing.T) {
	page, err := os.ReadFile("../../docs/API.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	want.WriteString("| code | status | when | what mends it |\n|---|---|---|---|\n")
	for _, row := range Rows() {
		fmt.Fprintf(&want, "| `%s` | %d | %s | %s |\n", row.Code, row.Status, row.When, row.Mend)
	}
	if !strings.Contains(string(page), want.String()) {
		t.Errorf("docs/API.md has another table; it should be\n%s", want.String())
	}
}

func TestTableHoldsEveryCodeOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Rows() {
		if seen[row.Code] || row.Title == "" || row.When == "" || row.Mend == "" || row.Status < 400 {
			t.Errorf("row %+v is there twice or incomplete", row)
		}
		seen[row.Code] = true
	}
	if !slices.IsSortedFunc(Rows(), func(a, b wire.ProblemRow) int { return a.Status - b.Status }) {
		t.Error("the table is not sorted by status")
	}
	for _, file := range []string{"../../models/fault/fault.go", "../../rewards/failure/failure.go", "../wire/errors.go", "table.go"} {
		for _, code := range codesOf(t, file) {
			if !seen[code] {
				t.Errorf("the table lacks %q of %s", code, file)
			}
		}
	}
}

// codesOf lists the values of the constants Code… of a file.
func codesOf(t *testing.T, path string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			code, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	if len(codes) == 0 {
		t.Fatalf("%s has no codes", path)
	}
	return codes
}

func TestEveryErrorHasAStatus(t *testing.T) {
	known := New(CodeUnauthorized, "x")
	for _, test := range []struct {
		err    error
		code   string
		status int
	}{
		{known, CodeUnauthorized, 401},
		{fmt.Errorf("wrapped: %w", known), CodeUnauthorized, 401},
		{&wire.Error{Code: wire.CodeUnknownField, Path: "items[0].x", Detail: "unknown field"}, "unknown_field", 422},
		{failure.New(failure.CodeLabel, "x"), "unknown_label", 422},
		{&fault.Error{Code: fault.CodeTooLong}, "too_long", 413},
		{&fault.Error{Code: fault.CodeModel}, "unknown_model", 404},
		{&fault.Error{Code: fault.CodeNotFinite}, "not_finite", 500},
		{&fault.Error{Code: "from the future", Detail: "secret"}, "internal", 500},
		{&models.QueueFullError{Items: 3, MaxItems: 4, AskedItems: 2, RetryAfter: time.Second}, "queue_full", 429},
		{models.ErrClosed, "shutting_down", 503},
		{context.DeadlineExceeded, "deadline_exceeded", 504},
		{context.Canceled, "client_gone", 499},
		{errors.New("secret"), "internal", 500},
	} {
		got := Of(test.err)
		if got.Code != test.code || got.Status != test.status || got.Title == "" {
			t.Errorf("%v gives %+v, want %s %d", test.err, got, test.code, test.status)
		}
		if strings.Contains(got.Detail, "secret") {
			t.Errorf("%v tells the client %q", test.err, got.Detail)
		}
		if (test.code == "queue_full") != (got.RetryAfter == time.Second) {
			t.Errorf("%v is to be tried again after %s", test.err, got.RetryAfter)
		}
	}
	if Of(nil) != nil {
		t.Error("no error is a problem")
	}
	if got := Of(&wire.Error{Code: wire.CodeUnknownField, Path: "items[0].x", Detail: "unknown field"}).Detail; got != "items[0].x: unknown field" {
		t.Errorf("a decoder's error is told as %q", got)
	}
}

// TestStatusOfAnAnswer: the one status of all that failed, where nothing else is there.
func TestStatusOfAnAnswer(t *testing.T) {
	long, empty, many := failure.New(fault.CodeTooLong, ""), failure.New(fault.CodeEmpty, ""), failure.New(failure.CodeTooManyItems, "")
	for want, all := range map[int][][]*failure.Error{
		413: {{long}, {long, many}},
		422: {{empty}},
		200: {{}, {long, nil}, {nil, long}, {long, empty}, {nil}},
	} {
		for _, errs := range all {
			if got := Status(slices.Values(errs)); got != want {
				t.Errorf("%v: %d, want %d", errs, got, want)
			}
		}
	}
}

func TestUnknownCodePanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	_ = New("nonsense", "")
}
