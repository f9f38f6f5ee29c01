package rewards

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
)

func TestProblemOf(t *testing.T) {
	full := &models.QueueFullError{Items: 3, MaxItems: 4, AskedItems: 2, RetryAfter: time.Second}
	for _, test := range []struct {
		err    error
		code   string
		status int
	}{
		{NewProblem(CodeLabel, "x"), CodeLabel, 422},
		{fmt.Errorf("wrapped: %w", NewProblem(CodeLabel, "x")), CodeLabel, 422},
		{&fault.Error{Code: fault.CodeTooLong}, fault.CodeTooLong, 413},
		{&fault.Error{Code: fault.CodeModel}, fault.CodeModel, 404},
		{&fault.Error{Code: fault.CodeNotFinite}, fault.CodeNotFinite, 500},
		{&fault.Error{Code: "from the future"}, CodeInternal, 500},
		{full, CodeQueueFull, 429},
		{&models.QueueFullError{MaxItems: 4, AskedItems: 5}, CodeTooManyItems, 413},
		{fmt.Errorf("run stopped: %w", models.ErrClosed), CodeClosed, 503},
		{context.DeadlineExceeded, CodeDeadline, 504},
		{context.Canceled, CodeClientGone, 499},
		{&models.PanicError{Value: "secret"}, fault.CodeRun, 500},
		{errors.New("secret"), CodeInternal, 500},
	} {
		got := ProblemOf(test.err)
		if got.Code != test.code || got.Status != test.status || got.Title == "" {
			t.Errorf("%v gives %+v, want %s %d", test.err, got, test.code, test.status)
		}
		if strings.Contains(got.Detail, "secret") {
			t.Errorf("%v tells the client %q", test.err, got.Detail)
		}
		if !errors.Is(got, test.err) && !errors.Is(test.err, got) {
			t.Errorf("%v is lost", test.err)
		}
	}
	if ProblemOf(nil) != nil {
		t.Error("no error is a problem")
	}
	if got := ProblemOf(full).RetryAfter; got != time.Second {
		t.Errorf("retry after %s", got)
	}
	inside := &fault.Error{Code: fault.CodeRun, Detail: "the forward failed", Err: errors.New("secret")}
	if got := ProblemOf(inside).Detail; got != "the forward failed" {
		t.Errorf("the cause of a fault reaches the client: %q", got)
	}
}

func TestTableHoldsEveryCodeOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range ProblemKinds() {
		if seen[kind.Code] || kind.Title == "" || kind.When == "" || kind.Mend == "" || kind.Status < 400 {
			t.Errorf("row %+v is there twice or incomplete", kind)
		}
		seen[kind.Code] = true
	}
	if !slices.IsSortedFunc(ProblemKinds(), func(a, b ProblemKind) int { return a.Status - b.Status }) {
		t.Error("the table is not sorted by status")
	}
	for _, code := range append(codesOf(t, "../models/fault/fault.go"), codesOf(t, "problem.go")...) {
		if !seen[code] {
			t.Errorf("the table lacks %q", code)
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

func TestFailedStatus(t *testing.T) {
	long, empty := NewProblem(fault.CodeTooLong, ""), NewProblem(fault.CodeEmpty, "")
	for want, problems := range map[int][][]*Problem{
		413: {{long}, {long, NewProblem(CodeTooManyItems, "")}},
		0:   {{}, {long, nil}, {nil, long}, {long, empty}, {nil}},
	} {
		for _, p := range problems {
			if got := FailedStatus(p); got != want {
				t.Errorf("%v: %d, want %d", p, got, want)
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
	_ = NewProblem("nonsense", "")
}
