package failure

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/fault"
)

func TestEveryErrorHasACode(t *testing.T) {
	full := &models.QueueFullError{Items: 3, MaxItems: 4, AskedItems: 2, RetryAfter: time.Second}
	for _, test := range []struct {
		err  error
		code string
	}{
		{New(CodeLabel, "x"), CodeLabel},
		{fmt.Errorf("wrapped: %w", New(CodeLabel, "x")), CodeLabel},
		{&fault.Error{Code: fault.CodeTooLong}, fault.CodeTooLong},
		{&fault.Error{Code: fault.CodeModel}, fault.CodeModel},
		{&fault.Error{Code: fault.CodeNotFinite}, fault.CodeNotFinite},
		{full, CodeQueueFull},
		{&models.QueueFullError{MaxItems: 4, AskedItems: 5}, CodeTooManyItems},
		{fmt.Errorf("run stopped: %w", models.ErrClosed), CodeClosed},
		{context.DeadlineExceeded, CodeDeadline},
		{context.Canceled, CodeClientGone},
		{&models.PanicError{Value: "secret"}, fault.CodeRun},
		{errors.New("secret"), CodeInternal},
	} {
		got := Of(test.err)
		if got.Code != test.code {
			t.Errorf("%v gives %+v, want %s", test.err, got, test.code)
		}
		if strings.Contains(got.Detail, "secret") {
			t.Errorf("%v tells the client %q", test.err, got.Detail)
		}
		if !errors.Is(got, test.err) && !errors.Is(test.err, got) {
			t.Errorf("%v is lost", test.err)
		}
	}
	if Of(nil) != nil {
		t.Error("no error has a code")
	}
	if got := Of(full).RetryAfter; got != time.Second {
		t.Errorf("retry after %s", got)
	}
}

// TestOnlyARefusalsCauseIsTold: what made a request unfit is the client's to read, and what broke inside the server is
// not.
func TestOnlyARefusalsCauseIsTold(t *testing.T) {
	for code, told := range map[string]bool{
		fault.CodeRun: false, fault.CodeBundle: false, fault.CodeRuntime: false, fault.CodeDevice: false, fault.CodeNotFinite: false,
		fault.CodeKind: true, fault.CodeItem: true,
	} {
		got := Of(&fault.Error{Code: code, Detail: "the sentence", Err: errors.New("the cause")}).Detail
		if want := map[bool]string{true: "the sentence: the cause", false: "the sentence"}[told]; got != want {
			t.Errorf("%s: %q, want %q", code, got, want)
		}
	}
}

func TestWithinNamesTheField(t *testing.T) {
	inner := New(CodeLabel, "no such label")
	outer := inner.Within("pairs[3]")
	if outer.Detail != "pairs[3]: no such label" || outer.Code != CodeLabel || inner.Detail != "no such label" {
		t.Errorf("%+v of %+v", outer, inner)
	}
}
