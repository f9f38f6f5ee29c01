package tables

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assay-rm/assay/server/problem"
	"github.com/assay-rm/assay/server/wire"
)

// sample decodes rows as `assay score` does.
func sample(text []byte) ([]string, error) {
	return wire.DecodeSample(text, new(wire.Item), wire.Limits{})
}

func columnsOf(t interface{ Fatal(args ...any) }, of map[string]string) *Columns {
	columns, err := NewColumns(of, sample)
	if err != nil {
		t.Fatal(err)
	}
	return columns
}

// readAll reads all rows of files.
func readAll(t interface{ Fatal(args ...any) }, columns *Columns, names ...string) (rows []Row) {
	files, err := Find(names)
	if err != nil {
		t.Fatal(err)
	}
	from := Read(files, columns)
	for {
		row, err := from.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
}

var every = []string{"a.jsonl", "a.ndjson.gz", "a.json.zst", "a.parquet", "a.arrow", "a.feather"}

// number is any number that JSON has.
var number = rapid.Custom(func(t *rapid.T) json.Number {
	text, err := json.Marshal(rapid.Float64().Filter(func(x float64) bool { return x-x == 0 }).Draw(t, "number"))
	if err != nil {
		t.Fatal(err)
	}
	return json.Number(text)
})

// record is one that has some of the columns, of every kind.
var record = rapid.Custom(func(t *rapid.T) map[string]any {
	of := map[string]any{"row": json.Number(strconv.FormatInt(rapid.Int64().Draw(t, "row"), 10))}
	has := func(name string) bool { return rapid.Bool().Draw(t, name) }
	if has("text") {
		of["text"] = rapid.String().Draw(t, "value")
	}
	if has("score") {
		of["score"] = number.Draw(t, "score")
	}
	if has("list") {
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "elements") {
			inner := []any{}
			for range rapid.IntRange(0, 3).Draw(t, "inner") {
				inner = append(inner, number.Draw(t, "element"))
			}
			list = append(list, map[string]any{"score": number.Draw(t, "of"), "inner": inner})
		}
		of["list"] = list
	}
	if has("record") {
		of["record"] = map[string]any{"code": rapid.String().Draw(t, "code")}
	}
	return of
})

var columns = []Column{
	{Name: "row", Kind: Int},
	{Name: "text", Kind: Text},
	{Name: "score", Kind: Float},
	{Name: "list", Kind: List, Of: []Column{{Name: "element", Kind: Record, Of: []Column{
		{Name: "score", Kind: Float}, {Name: "inner", Kind: List, Of: []Column{{Name: "element", Kind: Float}}},
	}}}},
	{Name: "record", Kind: Record, Of: []Column{{Name: "code", Kind: Text}}},
}

// write writes records into a file.
func write(t interface{ Fatal(args ...any) }, name string, records ...map[string]any) {
	out, err := Create(name, name, columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range records {
		text, err := json.Marshal(one)
		if err == nil {
			err = out.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRecordsComeBack: what is written in any format is read as it was, number by number and bit by bit, and the same
// records are the same bytes.
func TestRecordsComeBack(t *testing.T) {
	dir := t.TempDir()
	all, err := NewColumns(nil, func([]byte) ([]string, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		records := rapid.SliceOfN(record, 0, 20).Draw(t, "records")
		name := filepath.Join(dir, rapid.SampledFrom(every).Draw(t, "name"))
		write(t, name, records...)
		first, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rows := readAll(t, all, name)
		if len(rows) != len(records) {
			t.Fatalf("%d rows of %d", len(rows), len(records))
		}
		for i := range rows {
			got, err := parse(rows[i].Text())
			if err != nil || rows[i].Number != int64(i+1) || rows[i].Line.Number != i+1 {
				t.Fatalf("%v, row %d, line %d", err, rows[i].Number, rows[i].Line.Number)
			}
			if diff := cmp.Diff(plain(records[i]), plain(got)); diff != "" {
				t.Fatalf("%s, row %d (-want +got):\n%s", name, i+1, diff)
			}
		}
		write(t, name, records...)
		if second, err := os.ReadFile(name); err != nil || string(first) != string(second) {
			t.Fatalf("%s has other bytes when it is written again: %v", name, err)
		}
	})
}

// plain is a value with its numbers by their bits, and without what is null.
func plain(value any) any {
	switch of := value.(type) {
	case json.Number:
		x, err := of.Float64()
		if err != nil {
			panic(err)
		}
		if n, err := of.Int64(); err == nil && string(of) != "-0" {
			return strconv.FormatInt(n, 10)
		}
		return fmt.Sprintf("%x", x)
	case []any:
		all := make([]any, len(of))
		for i := range of {
			all[i] = plain(of[i])
		}
		return all
	case map[string]any:
		all := map[string]any{}
		for name, one := range of {
			if one != nil {
				all[name] = plain(one)
			}
		}
		return all
	}
	return value
}

// TestSkippingIsReading: rows that are passed over change nothing of those that follow, in any format.
func TestSkippingIsReading(t *testing.T) {
	dir := t.TempDir()
	var names []string
	for n, name := range every {
		var records []map[string]any
		for i := range 40 + n {
			records = append(records, map[string]any{"row": json.Number(strconv.Itoa(100*n + i))})
		}
		names = append(names, filepath.Join(dir, strconv.Itoa(n)+name))
		write(t, names[n], records...)
	}
	all, err := NewColumns(nil, func([]byte) ([]string, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	want := readAll(t, all, names...)
	files, err := Find(names)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		from := Read(files, all)
		defer from.Close() //nolint:errcheck // read
		for at := 0; ; {
			skip := rapid.IntRange(0, 90).Draw(t, "skip")
			err := from.Skip(int64(skip))
			if at += skip; at > len(want) {
				if !errors.Is(err, io.EOF) {
					t.Fatalf("passed over %d rows of %d: %v", at, len(want), err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 90).Draw(t, "read") {
				row, err := from.Next()
				if at == len(want) {
					if !errors.Is(err, io.EOF) {
						t.Fatalf("after the last row: %v", err)
					}
					return
				}
				if err != nil || row.Number != int64(at+1) || row.File != want[at].File || string(row.Text()) != string(want[at].Text()) {
					t.Fatalf("%v: row %d is %d %s of file %d", err, at+1, row.Number, row.Text(), row.File)
				}
				at++
			}
		}
	})
}

// TestColumns: what is mapped has the name of its field, what is null is left out, and what is no row stays for whoever
// refuses it.
func TestColumns(t *testing.T) {
	columns := columnsOf(t, map[string]string{"prompt": "question", "response": "answer"})
	for text, want := range map[string]string{
		`{"question":"q","answer":"a","other":1}`:     `{"prompt":"q","response":"a","other":1}`,
		`{"prompt":"no","question":"q" , "n":[1, 2]}`: `{"prompt":"q","n":[1, 2]}`,
		`{"question":null,"reference":null,"x":"\n"}`: `{"x":"\n"}`,
		`{"x":1}`:             `{"x":1}`,
		`{"question":"q"} {}`: `{"prompt":"q"}{}`,
		`{"question":"q"`:     `{"question":"q"`,
		`[{"question":"q"}]`:  `[{"question":"q"}]`,
		`nonsense`:            `nonsense`,
		`{"question":{"question":null},"answer":"\u00e9"}`: `{"prompt":{"question":null},"response":"\u00e9"}`,
	} {
		if got := string(columns.rename([]byte(text))); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
	for _, test := range []struct {
		of   map[string]string
		want string
	}{
		{map[string]string{"propmt": "q"}, `"propmt" is no field that is read of a row`},
		{map[string]string{"nothing": "q"}, `"nothing" is no field that is read of a row`},
		{map[string]string{"prompt": "q", "text": "q"}, `column "q" is to be both "prompt" and "text"`},
	} {
		if _, err := NewColumns(test.of, sample); err == nil || err.Error() != test.want {
			t.Errorf("%v: %v", test.of, err)
		}
	}
}

// TestColumnsOfFiles: of files that have columns only those are read that a row may have, and those that it must not.
func TestColumnsOfFiles(t *testing.T) {
	columns := columnsOf(t, map[string]string{"prompt": "question"})
	some, err := columns.read([]string{"question", "response", "prompt", "respnse", "tools", "embedding"})
	if diff := cmp.Diff([]string{"question", "response", "respnse", "tools"}, some); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if passed := columns.Passed(); len(passed) != 1 || passed[0] != "embedding" {
		t.Errorf("passed over: %v", passed)
	}
	if _, err := columns.read([]string{"response"}); err == nil || !strings.Contains(err.Error(), `there is no column "question" for "prompt"`) {
		t.Errorf("a column that is not there: %v", err)
	}
	if _, err := columnsOf(t, nil).read([]string{"a", "b"}); err == nil || !strings.Contains(err.Error(), "none of its columns is read: a, b") {
		t.Errorf("no column: %v", err)
	}
}

// TestFilesThatAreNone: what cannot be read is said of the file, by its name.
func TestFilesThatAreNone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"x.parquet", "x.arrow", "x.jsonl.gz", "x.jsonl.zst", "x.csv"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("nonsense nonsense nonsense"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"x.parquet", "x.arrow", "x.jsonl.gz", "x.jsonl.zst"} {
		files, err := Find([]string{filepath.Join(dir, name)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(files, columnsOf(t, nil)).Next(); err == nil || errors.Is(err, io.EOF) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for pattern, want := range map[string]string{
		"x.csv": "the name tells no format", "none*": "no file is named", "x.{jsonl.gz,": "no file is named", "[": "is no pattern",
	} {
		if _, err := Find([]string{filepath.Join(dir, pattern)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	twice := filepath.Join(dir, "x.parquet")
	if _, err := Find([]string{twice, filepath.Join(dir, "*.parquet")}); err == nil || !strings.Contains(err.Error(), "named twice") {
		t.Errorf("twice: %v", err)
	}
}

// TestAPipeIsNoFile: it is refused at once, although nobody writes it.
func TestAPipeIsNoFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe.jsonl")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Find([]string{name}); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Error(err)
	}
}

// TestARowHasTheSameLimitInEveryFormat: one over 32 MiB has an error, and the next is read.
func TestARowHasTheSameLimitInEveryFormat(t *testing.T) {
	for _, kind := range []string{"a.jsonl", "a.parquet", "a.arrow"} {
		name := filepath.Join(t.TempDir(), kind)
		write(t, name, map[string]any{"row": 1, "text": strings.Repeat("x", 32<<20)}, map[string]any{"row": 2, "text": "y"})
		rows := readAll(t, columnsOf(t, nil), name)
		if len(rows) != 2 || rows[0].Text() != nil || rows[1].Text() == nil {
			t.Fatalf("%s: %d rows", kind, len(rows))
		}
		var item wire.Item
		if _, err := rows[0].Sample(&item); err == nil || err.Code != problem.CodeBodyTooLarge {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
