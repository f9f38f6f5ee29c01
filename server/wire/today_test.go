package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/assay-rm/assay/rewards"
	"github.com/assay-rm/assay/server"
)

// This file holds the forms to those of rewards and server, while both exist.

// nonNull are the lists of requests that the description used to allow a null for, which was then taken for a list left
// out.
var nonNull = map[string][]string{
	"Item": {"messages", "input_ids", "steps", "user"}, "Pair": {"messages", "user"}, "RankRequest": {"messages", "user"},
	"CompareRequest": {"messages", "user", "responses", "pairs"},
}

func TestSchemasAreTheServers(t *testing.T) {
	s, err := server.New(rewards.New(nil), server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "/openapi.json", nil))
	var today struct {
		Components struct{ Schemas map[string]map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &today); err != nil {
		t.Fatal(err)
	}
	for name, lists := range nonNull {
		for _, list := range lists {
			property, _ := today.Components.Schemas[name]["properties"].(map[string]any)[list].(map[string]any)
			if diff := cmp.Diff([]any{"array", "null"}, property["type"]); diff != "" {
				t.Errorf("%s.%s: %s", name, list, diff)
			}
			property["type"] = "array"
		}
	}
	text, err := json.Marshal(described().Map())
	if err != nil {
		t.Fatal(err)
	}
	var ours map[string]map[string]any
	if err := json.Unmarshal(text, &ours); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(today.Components.Schemas, ours); diff != "" {
		t.Errorf("(-server +wire):\n%s", diff)
	}
}

// TestAnswersAreWrittenAsToday: the same values have the same bytes, field order and omissions among them.
func TestAnswersAreWrittenAsToday(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, pair := range []struct{ today, ours any }{
		{rewards.ScoreAnswer{}, ScoreAnswer{}},
		{rewards.RankAnswer{}, RankAnswer{}},
		{rewards.CompareAnswer{}, CompareAnswer{}},
		{rewards.StepsAnswer{}, StepsAnswer{}},
		{rewards.TokenizeAnswer{}, TokenizeAnswer{}},
		{rewards.ModelInfo{}, ModelInfo{}},
		{rewards.Problem{}, Problem{}},
	} {
		for range 300 {
			today := reflect.New(reflect.TypeOf(pair.today))
			fill(random, today.Elem(), 4)
			text := written(t, today.Interface())
			ours := reflect.New(reflect.TypeOf(pair.ours))
			if err := json.Unmarshal(text, ours.Interface()); err != nil {
				t.Fatalf("%T: %v in %s", pair.ours, err, text)
			}
			if got := written(t, ours.Interface()); !bytes.Equal(got, text) {
				t.Fatalf("%T:\n%s\n%s", pair.ours, text, got)
			}
		}
	}
}

// fill sets every field that is written, at random, some of them to nothing.
func fill(random *rand.Rand, of reflect.Value, depth int) {
	if random.IntN(4) == 0 {
		return
	}
	switch of.Kind() {
	case reflect.Struct:
		for i := range of.NumField() {
			if field := of.Type().Field(i); field.IsExported() && field.Tag.Get("json") != "-" {
				fill(random, of.Field(i), depth)
			}
		}
	case reflect.Pointer:
		of.Set(reflect.New(of.Type().Elem()))
		fill(random, of.Elem(), depth)
	case reflect.Slice:
		of.Set(reflect.MakeSlice(of.Type(), random.IntN(depth+1), depth+1))
		for i := range of.Len() {
			fill(random, of.Index(i), depth-1)
		}
	case reflect.Map:
		of.Set(reflect.MakeMap(of.Type()))
		for _, key := range []string{"a", "<b>", "é"}[:random.IntN(4)] {
			value := reflect.New(of.Type().Elem()).Elem()
			fill(random, value, depth-1)
			of.SetMapIndex(reflect.ValueOf(key), value)
		}
	case reflect.String:
		of.SetString([]string{"a", "<&>\u2028é\"", "\n\x00", "😀"}[random.IntN(4)])
	case reflect.Bool:
		of.SetBool(true)
	case reflect.Int, reflect.Int64:
		of.SetInt(random.Int64() - random.Int64())
	case reflect.Float64:
		x := math.Float64frombits(random.Uint64())
		if random.IntN(2) == 0 {
			x = float64(math.Float32frombits(random.Uint32()))
		}
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			of.SetFloat(x)
		}
	default:
		panic(of.Kind().String())
	}
}

// BenchmarkDecode reads score requests as the server does today and as this package does.
func BenchmarkDecode(b *testing.B) {
	sentence := `The train leaves at 9:40 and \"arrives\" at 11:05, so it takes 85 minutes.\nThe answer is 85. `
	for _, shape := range []struct{ name, body string }{
		{"64 prompts and responses of 1 KB", items(64, `{"prompt":"How long does the train take?","response":"`+strings.Repeat(sentence, 10)+`"}`)},
		{"64 texts of 1 KB beyond ASCII", items(64, `{"text":"`+strings.Repeat("Der Zug fährt um 9:40 ab — 列車は85分かかります。 ", 16)+`"}`)},
		{"64 plain texts of 1 KB", items(64, `{"text":"`+strings.Repeat("It takes 85 minutes. ", 48)+`"}`)},
		{"64 conversations", items(64, `{"messages":[{"role":"user","content":"How long does the train take?"},{"role":"assistant","content":"`+sentence+`"}]}`)},
		{"64 items of 256 ids", items(64, `{"input_ids":[1`+strings.Repeat(",12345", 255)+`]}`)},
		{"4096 short items", items(4096, `{"prompt":"What is 12 + 30?","response":"It is \"42\".\nSo the answer is 42."}`)},
		{"1 item", items(1, `{"prompt":"What is 12 + 30?","response":"The answer is 42."}`)},
		{"64 items of 20 features", items(64, `{"features":{`+features(20)+`}}`)},
	} {
		b.Run(shape.name+"/today", func(b *testing.B) {
			b.SetBytes(int64(len(shape.body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := today([]byte(shape.body), new(rewards.ScoreRequest)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(shape.name+"/wire", func(b *testing.B) {
			b.SetBytes(int64(len(shape.body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := DecodeBody([]byte(shape.body), new(ScoreRequest), Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func items(n int, item string) string {
	return `{"items":[` + item + strings.Repeat(","+item, n-1) + `]}`
}

func features(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `,"feature_%d":%d.25`, i, i)
	}
	return text.String()[1:]
}

// today is the server's way to a request that breaks no rule: unicodeOnly, and decode without its second pass.
func today(body []byte, request any) error {
	if !utf8.Valid(body) || bytes.Contains(body, []byte(`\ud`)) || bytes.Contains(body, []byte(`\uD`)) {
		return errors.New("not for this benchmark")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(request); err != nil {
		return err
	}
	if len(bytes.TrimLeft(body[decoder.InputOffset():], " \t\r\n")) > 0 || bytes.Contains(body, []byte("null")) {
		return errors.New("not for this benchmark")
	}
	return nil
}
