package bulk

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/server/wire"
)

func TestChunks(t *testing.T) {
	in := NewReader(strings.NewReader("a\n\n  \nb\r\nc\nd"))
	var chunks [][]string
	var numbers []int
	for {
		lines, err := in.Chunk(2)
		var texts []string
		for _, l := range lines {
			texts, numbers = append(texts, string(l.text)), append(numbers, l.Number)
		}
		chunks = append(chunks, texts)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c", "d"}}, chunks); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{1, 4, 5, 6}, numbers); diff != "" {
		t.Error(diff)
	}
	if in.bytes != 12 {
		t.Errorf("%d bytes read, not 12", in.bytes)
	}
}

// A writer that waits for its answers gets them: a chunk does not wait for lines that are not there yet.
func TestChunkDoesNotWait(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close() //nolint:errcheck // a pipe
	in := NewReader(r)
	for _, text := range []string{"first\n", "second\n"} {
		go w.Write([]byte(text)) //nolint:errcheck // the chunk tells
		lines, err := in.Chunk(100)
		if err != nil || len(lines) != 1 || string(lines[0].text) != strings.TrimSpace(text) {
			t.Fatalf("chunk is %v, %v", lines, err)
		}
	}
}

func TestLongLine(t *testing.T) {
	long := io.MultiReader(strings.NewReader("a\n"), io.LimitReader(endless{}, maxLine+1), strings.NewReader("\nb\n"))
	in := NewReader(long)
	lines := readAll(t, in)
	if len(lines) != 3 || string(lines[0].text) != "a" || string(lines[2].text) != "b" || lines[2].Number != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	if problem := lines[1].Decode(new(wire.Item)); problem == nil || problem.Detail != "the line has more than 32 MiB" {
		t.Errorf("problem is %v", problem)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func readAll(t *testing.T, in *Reader) []Line {
	t.Helper()
	var all []Line
	for {
		lines, err := in.Chunk(3)
		all = append(all, lines...)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadError(t *testing.T) {
	broken := errors.New("broken")
	lines, err := NewReader(io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken))).Chunk(5)
	if err == nil { // the chunk ended before it had to read on
		lines, err = NewReader(iotest.ErrReader(broken)).Chunk(5)
	}
	if !errors.Is(err, broken) || len(lines) > 1 {
		t.Errorf("chunk is %v, %v", lines, err)
	}
}
