package commands

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/encode"
)

func TestChunks(t *testing.T) {
	in := newLineReader(strings.NewReader("a\n\n  \nb\r\nc\nd"))
	var chunks [][]string
	var numbers []int
	for {
		lines, err := in.chunk(2)
		var texts []string
		for _, l := range lines {
			texts, numbers = append(texts, string(l.text)), append(numbers, l.number)
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
	in := newLineReader(r)
	for _, text := range []string{"first\n", "second\n"} {
		go w.Write([]byte(text)) //nolint:errcheck // the chunk tells
		lines, err := in.chunk(100)
		if err != nil || len(lines) != 1 || string(lines[0].text) != strings.TrimSpace(text) {
			t.Fatalf("chunk is %v, %v", lines, err)
		}
	}
}

func TestLongLine(t *testing.T) {
	long := io.MultiReader(strings.NewReader("a\n"), io.LimitReader(endless{}, maxLine+1), strings.NewReader("\nb\n"))
	in := newLineReader(long)
	lines := readAll(t, in)
	if len(lines) != 3 || string(lines[0].text) != "a" || string(lines[2].text) != "b" || lines[2].number != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	if problem := lines[1].decode(new(encode.Item)); problem == nil || problem.Detail != "the line has more than 32MiB" {
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

func readAll(t *testing.T, in *lineReader) []line {
	t.Helper()
	var all []line
	for {
		lines, err := in.chunk(3)
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
	lines, err := newLineReader(io.MultiReader(strings.NewReader("a\n"), iotest.ErrReader(broken))).chunk(5)
	if err == nil { // the chunk ended before it had to read on
		lines, err = newLineReader(iotest.ErrReader(broken)).chunk(5)
	}
	if !errors.Is(err, broken) || len(lines) > 1 {
		t.Errorf("chunk is %v, %v", lines, err)
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{
		`{"prompt": "p", "response": "r"}`:      "",
		`{"prompt": 1}`:                         "invalid_field: prompt: a number is not a value of this field",
		`[]`:                                    "invalid_field: the line holds no object but one array",
		`{"promt": "p"}`:                        "unknown_field: promt: unknown field",
		`{"prompt": "p"`:                        "bad_json: the line ends inside its JSON value",
		`{"prompt": "p"} x`:                     "bad_json: the line goes on after its JSON value, at byte 16",
		"{\"prompt\": \"\xff\"}":                "bad_json: the line is not UTF-8",
		`{"text": "a", "user": [0.5, null, 1]}`: "invalid_field: user[1] is null, and must be a number",
		`{"input_ids": [5, null, 9]}`:           "invalid_field: input_ids[1] is null, and must be a number",
		`{"input_ids": [5, "a"]}`:               "invalid_field: input_ids: a string is not a value of this field",
		`{"input_ids": null, "user": null}`:     "",
		`{]`:                                    "bad_json: at byte 2: invalid character ']' looking for beginning of object key string",
	} {
		l := line{text: []byte(text)}
		got := ""
		if problem := l.decode(new(encode.Item)); problem != nil {
			got = problem.Code + ": " + problem.Detail
		}
		if got != want {
			t.Errorf("%s: %q, not %q", text, got, want)
		}
	}
	lenient := line{text: []byte(`{"promt": "p"}`), lenient: true}
	if problem := lenient.decode(new(encode.Item)); problem != nil {
		t.Errorf("lenient: %v", problem)
	}
}
