package rewards

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/assay-rm/assay/models"
	"github.com/assay-rm/assay/models/encode"
	"github.com/assay-rm/assay/rewards/failure"
)

// fakeReader is a model that reads text as its bytes; "panic" breaks its tokenizer.
type fakeReader struct {
	reader
	after func() // the encoding of an item
}

func (r fakeReader) Encode(item encode.Item, _ encode.Truncation) (encode.Encoded, error) {
	if r.after != nil {
		defer r.after()
	}
	if *item.Text == "panic" {
		panic("in the tokenizer")
	}
	var encoded encode.Encoded
	for _, c := range []byte(*item.Text) {
		encoded.IDs = append(encoded.IDs, int64(c))
	}
	encoded.Read = []int{len(encoded.IDs) - 1}
	return encoded, nil
}

func (fakeReader) Read(_ context.Context, items []encode.Encoded) ([]models.Reading, error) {
	readings := make([]models.Reading, len(items))
	for i := range items {
		readings[i].Rows = [][]float32{{float32(len(items[i].IDs))}}
	}
	return readings, nil
}

// TestManyItemsAreEncodedSideBySide: each in its place, and a panic on the way is its item's error.
func TestManyItemsAreEncodedSideBySide(t *testing.T) {
	texts := make([]string, 300)
	for i := range texts {
		texts[i] = strings.Repeat("x", i+1)
	}
	texts[7] = "panic"
	readings, computed, err := local{fakeReader{}}.Read(t.Context(), Ask{Items: text(texts...)})
	if err != nil || computed != 300*301/2-8 {
		t.Fatalf("%d tokens, %v", computed, err)
	}
	for i, r := range readings {
		switch {
		case i == 7:
			if of := failure.Of(r.Err); of == nil || of.Code != failure.CodeInternal || !strings.Contains(of.Cause.Error(), "in the tokenizer") {
				t.Errorf("%+v", of)
			}
		case r.Err != nil || r.Rows[0][0] != float32(i+1) || r.Tokens != i+1:
			t.Errorf("item %d: %+v", i, r)
		}
	}
}

// TestEncodingEndsWithItsContext: what the deadline leaves no time for is not encoded.
func TestEncodingEndsWithItsContext(t *testing.T) {
	ctx := &ending{Context: t.Context()}
	calls := 0
	l := local{fakeReader{after: func() {
		if calls++; calls == 2 {
			ctx.err = context.DeadlineExceeded
		}
	}}}
	one := func(i int) error {
		_, err := l.encode(ctx, text("a")[0], encode.TruncateError)
		if i < 2 && err != nil {
			t.Errorf("item %d: %v", i, err)
		}
		return err
	}
	for i := range 4 {
		err := one(i)
		if i >= 2 && failure.Of(err).Code != failure.CodeDeadline {
			t.Errorf("item %d: %v", i, err)
		}
	}
	if calls != 2 {
		t.Errorf("%d items were encoded", calls)
	}
}

func TestComputedTokensCountSharedPrefixesOnce(t *testing.T) {
	item := func(ids string, shared, cached int) Reading {
		r := Reading{Tokens: len(ids), Shared: shared, Cached: cached, encoded: &encode.Encoded{}, Run: time.Second}
		for _, c := range []byte(ids) {
			r.encoded.IDs = append(r.encoded.IDs, int64(c))
		}
		return r
	}
	for _, test := range []struct {
		name     string
		readings []Reading
		tokens   int
		computed int
	}{
		{"nothing shared", []Reading{item("abc", 0, 0), item("abd", 0, 0)}, 6, 6},
		{"one prefix", []Reading{item("abc", 2, 0), item("abd", 2, 0)}, 6, 4},
		{"nested prefixes", []Reading{item("abcd", 3, 0), item("abce", 3, 0), item("abx", 2, 0)}, 11, 6},
		{"identical", []Reading{item("abc", 3, 0), item("abc", 3, 0)}, 6, 3},
		{"cached", []Reading{item("abcd", 0, 3)}, 4, 1},
		{"cached and shared", []Reading{item("abcd", 3, 2), item("abce", 3, 2)}, 8, 3},
		{"failed", []Reading{{Err: invalid("x")}, item("ab", 0, 0)}, 2, 2},
	} {
		got := usage([]gathered{{readings: test.readings, computed: computed(test.readings)}})
		if got.Tokens != test.tokens || got.Computed != test.computed || got.Items != len(test.readings) {
			t.Errorf("%s: %+v, want %d and %d", test.name, got, test.tokens, test.computed)
		}
	}
}
