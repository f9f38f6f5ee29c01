package bulk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

// numbered is a line that can be read, with that number in it.
func numbered(n int) string { return fmt.Sprintf("{\"text\": \"%d\"}\n", n) }

func numberOf(item wire.Item) int {
	n, err := strconv.Atoi(*item.Text)
	if err != nil {
		panic(err)
	}
	return n
}

// doubling answers 2n after every other goroutine had its turn, so that chunks finish in any order.
type doubling struct {
	asked  *atomic.Int64
	broken error
}

func (d doubling) Ask(_ context.Context, _ Engine, lines []wire.Item) ([]int, error) {
	d.asked.Add(int64(len(lines)))
	answers := make([]int, len(lines))
	for i, line := range lines {
		n := numberOf(line)
		if n%7 == 0 {
			runtime.Gosched()
		}
		answers[i] = 2 * n
	}
	return answers, d.broken
}

func (doubling) Failed(answer int) *failure.Error {
	if answer == 26 {
		return failure.New(failure.CodeInternal, "unlucky")
	}
	return nil
}

func TestStreamKeepsOrder(t *testing.T) {
	defer goleak.VerifyNone(t)
	var text strings.Builder
	for n := range 1000 {
		text.WriteString(numbered(n))
		if n == 500 {
			text.WriteString("nonsense\n")
		}
	}
	var asked atomic.Int64
	next, failed, refused := 0, 0, 0
	err := Stream(t.Context(), nil, NewReader(strings.NewReader(text.String())), 3, doubling{asked: &asked}, func(done Chunk[wire.Item, int]) error {
		for _, o := range done.Outcomes {
			switch {
			case o.Refused:
				refused++
				if o.Number != 502 {
					t.Errorf("line %d was refused", o.Number)
				}
				continue
			case o.Err != nil:
				failed++
			}
			if o.Answer != 2*next || numberOf(o.Asked) != next {
				t.Fatalf("%d was answered where %d was next", numberOf(o.Asked), next)
			}
			next++
		}
		return nil
	})
	if err != nil || next != 1000 || failed != 1 || refused != 1 || asked.Load() != 1000 {
		t.Errorf("%v; %d answered, %d failed, %d refused, %d asked", err, next, failed, refused, asked.Load())
	}
}

func TestStreamEndsWithItsFirstError(t *testing.T) {
	defer goleak.VerifyNone(t)
	broken := errors.New("broken")
	text := strings.Repeat(numbered(1), 1000)
	var asked atomic.Int64
	never := func(Chunk[wire.Item, int]) error { t.Error("emitted"); return nil }
	err := Stream(t.Context(), nil, NewReader(strings.NewReader(text)), 1, doubling{&asked, broken}, never)
	if !errors.Is(err, broken) {
		t.Errorf("ask: %v", err)
	}
	full := func(Chunk[wire.Item, int]) error { return broken }
	if err = Stream(t.Context(), nil, NewReader(strings.NewReader(text)), 1, doubling{asked: &asked}, full); !errors.Is(err, broken) {
		t.Errorf("emit: %v", err)
	}
	if asked.Load() > 50 {
		t.Errorf("%d lines were asked after the error", asked.Load())
	}
}

// A reader that waits for ever does not keep a cancelled command.
func TestStreamEndsWithItsContext(t *testing.T) {
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	var asked atomic.Int64
	done := make(chan error)
	go func() {
		done <- Stream(ctx, nil, NewReader(r), 1, doubling{asked: &asked}, func(Chunk[wire.Item, int]) error {
			cancel()
			return nil
		})
	}()
	if _, err := w.Write([]byte(numbered(1))); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("stream: %v", err)
	}
	w.Close() //nolint:errcheck // lets the reader go
}

// few answers requests of few lines and of small numbers.
type few struct{ most int }

func (f few) Ask(_ context.Context, _ Engine, lines []wire.Item) ([]int, error) {
	sum := 0
	for _, line := range lines {
		sum += numberOf(line)
	}
	if sum > f.most {
		return nil, fault.New(fault.CodeBudget, "the lines have %d, and one request may have %d", sum, f.most)
	}
	answers := make([]int, len(lines))
	for i, line := range lines {
		answers[i] = 2 * numberOf(line)
	}
	return answers, nil
}

func (few) Failed(int) *failure.Error { return nil }

// TestALineIsTooMuchOnlyAlone: lines that are too much together are asked in parts, and one that is too much by itself
// fails alone.
func TestALineIsTooMuchOnlyAlone(t *testing.T) {
	var text strings.Builder
	for n := range 40 {
		text.WriteString(numbered(n))
	}
	lines := 0
	err := Stream(t.Context(), nil, NewReader(strings.NewReader(text.String())), 64, few{30}, func(done Chunk[wire.Item, int]) error {
		for _, o := range done.Outcomes {
			n := numberOf(o.Asked)
			if o.Refused != (n > 30) || o.Refused != (o.Err != nil) || !o.Refused && o.Answer != 2*n {
				t.Errorf("line %d, %d: %d, %v", o.Number, n, o.Answer, o.Err)
			}
			if o.Number != lines+1 {
				t.Errorf("line %d where %d was next", o.Number, lines+1)
			}
			lines++
		}
		return nil
	})
	if err != nil || lines != 40 {
		t.Errorf("%d lines, %v", lines, err)
	}
}
