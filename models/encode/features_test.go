package encode

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

func TestFeaturesAreRead(t *testing.T) {
	for text, want := range map[string]Features{
		`{}`:                     {},
		`{"a": 1, "b": -2.5e-3}`: {"a": 1, "b": -0.0025},
		`null`:                   nil,
	} {
		var got Features
		if err := json.Unmarshal([]byte(text), &got); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		`{"a": null}`:          "cannot unmarshal null",
		`{"a": "1"}`:           "cannot unmarshal string",
		`{"a": true}`:          "cannot unmarshal bool",
		`{"a": [1]}`:           "cannot unmarshal array",
		`{"a": {}}`:            "cannot unmarshal object",
		`{"a": 1, "a": 2}`:     `cannot unmarshal second "a"`,
		`[1]`:                  "cannot unmarshal array",
		`3`:                    "cannot unmarshal number",
		`{"a": 1e400}`:         "1e400",
		`{"features":{"a":1`:   "unexpected end",
		`{"a": 1} {"b": 2}`:    "after top-level value",
		`{"features": "text"}`: "cannot unmarshal string",
	} {
		var got Features
		if err := json.Unmarshal([]byte(text), &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want an error with %q", text, got, err, want)
		}
	}
}

// TestListsOfNumbersHoldNoNull: it would be 0 in silence.
func TestListsOfNumbersHoldNoNull(t *testing.T) {
	for text, want := range map[string]Item{
		`{"input_ids": [5, 9], "user": [0.5, 1]}`: {InputIDs: []int64{5, 9}, User: []float64{0.5, 1}},
		`{"input_ids": [], "user": []}`:           {InputIDs: []int64{}, User: []float64{}},
		`{"input_ids": null, "user": null}`:       {},
	} {
		var got Item
		if err := json.Unmarshal([]byte(text), &got); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		`{"input_ids": [5, null, 9]}`:       "input_ids[1] is null, and must be a number",
		`{"user": [0.5, 2], "user":[null]}`: "user[0] is null, and must be a number",
		`{"input_ids": [5, 9.5]}`:           "cannot unmarshal number 9.5 into Go struct field Item.input_ids of type int64",
		`{"user": ["null"]}`:                "cannot unmarshal string into Go struct field Item.user of type float64",
	} {
		var got Item
		if err := json.Unmarshal([]byte(text), &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want an error with %q", text, got, err, want)
		}
	}
}

func TestFeatureItemRefusals(t *testing.T) {
	judge, user, plain := fixture(t, "../heads/judge"), fixture(t, "../heads/user-rows"), fixture(t, "../heads/mlp-packed")
	all := func(change func(Features)) Features {
		f := Features{"length": 400, "citations": 3, "age_days": 90, "readability": 60, "spam": 0}
		change(f)
		return f
	}
	for name, test := range map[string]struct {
		model *Encoder
		item  Item
		want  string
	}{
		"text":               {judge, Item{Text: new("a")}, `model "judge" reads features, and an item of it has no other form`},
		"both":               {judge, Item{Features: all(func(Features) {}), Prompt: new("a"), Response: new("b")}, "has no other form"},
		"none":               {judge, Item{}, `the item has no features, and model "judge" reads length, citations, age_days, readability, spam`},
		"missing":            {judge, Item{Features: all(func(f Features) { delete(f, "spam") })}, `features.spam is missing`},
		"unknown":            {judge, Item{Features: all(func(f Features) { f["colour"] = 1 })}, `features.colour: model "judge" has no such feature`},
		"not a number":       {judge, Item{Features: all(func(f Features) { f["spam"] = math.NaN() })}, "features.spam is NaN"},
		"beyond float32":     {judge, Item{Features: all(func(f Features) { f["length"] = 1e39 })}, "features.length is 1e+39, and must be a number that float32 holds"},
		"a user":             {judge, Item{Features: all(func(Features) {}), User: []float64{1}}, "user is for models whose head takes a user's vector"},
		"features of text":   {plain, Item{Features: Features{"a": 1}}, `features are for models that read them, and model "mlp-packed" reads tokens`},
		"features and text":  {plain, Item{Features: Features{"a": 1}, Text: new("a")}, "text and features, and must have one of them"},
		"no user":            {user, Item{Text: new("a")}, `user has 0 numbers, and the head of model "user-rows" needs 4`},
		"long user":          {user, Item{Text: new("a"), User: []float64{1, 2, 3, 4, 5}}, "user has 5 numbers"},
		"infinite user":      {user, Item{Text: new("a"), User: []float64{1, 2, 3, math.Inf(1)}}, "user[3] is +Inf"},
		"user of a stranger": {plain, Item{Text: new("a"), User: []float64{}}, "takes none"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := encodeWith(test.model, test.item, TruncateError)
			var known *fault.Error
			if !errors.As(err, &known) || known.Code != fault.CodeItem || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%+v, %v; want %s with %q", got, err, fault.CodeItem, test.want)
			}
		})
	}
	got, err := encodeWith(judge, Item{Features: all(func(Features) {})}, TruncateError)
	if err != nil || len(got.IDs) != 5 || FeatureOf(got.IDs[0]) != 400 || FeatureOf(got.IDs[4]) != 0 {
		t.Errorf("%+v, %v: numbers in the manifest's order are wanted", got, err)
	}
}

// wide is a manifest of n features and an item that has them.
func wide(n int) (*manifest.Manifest, Item) {
	m, item := &manifest.Manifest{Name: "wide"}, Item{Features: Features{}}
	for i := range n {
		name := fmt.Sprintf("feature number %04d", i)
		m.Graph.Features, item.Features[name] = append(m.Graph.Features, name), 1
	}
	return m, item
}

// TestRefusalsOfManyFeaturesAreShort: neither a manifest's names nor a client's fill an answer.
func TestRefusalsOfManyFeaturesAreShort(t *testing.T) {
	m, item := wide(4096)
	item.Features[strings.Repeat("x", 1<<16)] = 1
	const named = "reads feature number 0000, feature number 0001, feature number 0002, feature number 0003, feature number 0004, " +
		"feature number 0005, feature number 0006, feature number 0007, and 4088 more: GET /v1/models lists them"
	for want, item := range map[string]Item{
		"features." + strings.Repeat("x", 80) + `…: model "wide" has no such feature; it ` + named: item,
		`the item has no features, and model "wide" ` + named:                                      {},
	} {
		if _, err := encodeFeatures(m, item); err == nil || err.Error() != want {
			t.Errorf("%.500v, not %s", err, want)
		}
	}
}

// FuzzFeatures: what is read is what encoding/json reads into a plain map, unless it holds a null or a name twice.
func FuzzFeatures(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":-0.5e3}`, `{"a":null}`, `{"a":1,"a":2}`, `[`, `{"\ud800":1}`, ` {"a" : 1 } `} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 10<<10 {
			t.Skip("inputs are capped at 10 KiB")
		}
		var got Features
		var plain map[string]float64
		if json.Unmarshal(data, &got) != nil {
			return
		}
		if err := json.Unmarshal(data, &plain); err != nil || !cmp.Equal(map[string]float64(got), plain) {
			t.Errorf("%q: %v, and a plain map is %v (%v)", data, got, plain, err)
		}
		again, err := json.Marshal(got)
		var twice Features
		if err != nil || json.Unmarshal(again, &twice) != nil || !cmp.Equal(got, twice) {
			t.Errorf("%q: %v printed is %s, read %v (%v)", data, got, again, twice, err)
		}
	})
}
