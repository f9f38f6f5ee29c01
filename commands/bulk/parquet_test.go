package bulk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rows reads all rows of a Parquet file, as JSON.
func rows(t *testing.T, data []byte, columns ...string) (all []string, err error) {
	t.Helper()
	p, err := NewParquet(bytes.NewReader(data), int64(len(data)), columns)
	if err != nil {
		return nil, err
	}
	for {
		lines, err := p.Chunk(3)
		for _, line := range lines {
			if line.Number != len(all)+1 {
				t.Errorf("row %d is numbered %d", len(all)+1, line.Number)
			}
			all = append(all, string(line.text))
		}
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func file(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestParquetRows: files that Apache Arrow wrote (testdata/make.py) give the rows that were put in: every kind of
// column and list, nulls, row groups and codecs.
func TestParquetRows(t *testing.T) {
	have, err := rows(t, file(t, "shapes.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"flag":true,"large":["x",null,""],"messages":[{"content":"a","role":"user"},{"content":"b","role":null}],"nested":[[1,2],[],null,[3]],"none":null,"part":0.5,"text":"é\n","whole":3}`,
		`{"flag":null,"large":null,"messages":[],"nested":[],"none":null,"part":null,"text":null,"whole":null}`,
		`{"flag":false,"large":[],"messages":null,"nested":[[]],"none":null,"part":2,"text":"","whole":-1.5}`,
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}

	want = nil
	for i := range 10 {
		subset := []string{"alpacaeval-easy", "hep-go"}[i%2]
		want = append(want, fmt.Sprintf(`{"chosen":"%d","id":%d,"subset":"%s"}`, 2*i, i, subset))
	}
	if have, err = rows(t, file(t, "rewardbench.parquet"), "chosen", "subset", "id", "missing"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("some columns: %s", diff)
	}

	have, err = rows(t, file(t, "rewardbench2.parquet"), "chosen", "rejected", "additional_metadata")
	if err != nil || len(have) != 9 {
		t.Fatalf("%d rows, %v", len(have), err)
	}
	if want := `{"additional_metadata":null,"chosen":["4","5","6"],"rejected":["2","1"]}`; have[4] != want {
		t.Errorf("row 5 is %s, want %s", have[4], want)
	}
}

// TestBrokenParquetIsRefused: a file that is cut, or spoilt anywhere, is refused or read; it never ends the process.
func TestBrokenParquetIsRefused(t *testing.T) {
	for _, name := range []string{"shapes.parquet", "rewardbench2.parquet"} {
		whole := file(t, name)
		if _, err := rows(t, whole, "missing"); err == nil || !strings.Contains(err.Error(), "none of the columns") {
			t.Errorf("no column: %v", err)
		}
		for n := 0; n < len(whole); n += 37 {
			if _, err := rows(t, whole[:n]); err == nil {
				t.Errorf("%s cut to %d bytes is read", name, n)
			}
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			spoilt := bytes.Clone(whole)
			spoilt[random.IntN(len(spoilt))] ^= byte(1 + random.IntN(255))
			if all, err := rows(t, spoilt); err == nil && len(all) > 1000 {
				t.Errorf("%d rows", len(all))
			}
		}
	}
}
