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

// TestAFullQueueSaysWhoseItIs: all of it, the part of bulk callers, or that of the caller.
func TestAFullQueueSaysWhoseItIs(t *testing.T) {
	for room, want := range map[string]string{
		"queue": "3 items and 40 tokens wait; the limits are 4 and 50", "bulk": "3 items and 40 tokens of bulk callers wait; the limits are 4 and 50",
		"caller": "3 items and 40 tokens of this caller wait; the limits are 4 and 50",
	} {
		if got := Of(&models.QueueFullError{Room: room, Items: 3, Tokens: 40, MaxItems: 4, MaxTokens: 50}).Detail; got != want {
			t.Errorf("%s: %q, want %q", room, got, want)
		}
	}
	late := Of(&models.QueueFullError{Items: 3, Wait: 2 * time.Second, Left: time.Second}).Detail
	if want := "3 items wait, an answer is expected after about 2000 ms, and the deadline is in 1000 ms"; late != want {
		t.Errorf("%q, want %q", late, want)
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
