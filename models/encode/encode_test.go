package encode

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/assay-rm/assay/models/chat"
	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/models/manifest"
)

// encoderOf is the encoder of a fixture bundle, by its folder beside testdata/bundles.
func fixture(tb testing.TB, name string) *Encoder {
	tb.Helper()
	dir := filepath.Join("..", "testdata", "bundles", name)
	read := func(file string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil && file != "" {
			tb.Fatal(err)
		}
		return data
	}
	m, err := manifest.Parse(read(manifest.File))
	if err != nil {
		tb.Fatal(err)
	}
	user := 0
	if head := m.Graph.Head; head != nil && head.User != "" {
		user = 4 // of every fixture
	}
	e, err := New(&m, read(m.Tokenizer.File), string(read(m.Template.File)), user)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// encodeWith encodes an item and keeps its text.
func encodeWith(e *Encoder, item Item, truncate Truncation) (Encoded, error) {
	return e.Encode(context.Background(), item, Options{Truncate: truncate, KeepText: true})
}

// TestEveryFixtureHasAnEncoder: what an encoder finds in a tokenizer and a template, it finds in those of every family.
func TestEveryFixtureHasAnEncoder(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "testdata", "*", "*", manifest.File))
	if err != nil || len(files) < 150 {
		t.Fatalf("%d fixture bundles, %v", len(files), err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		e := fixture(t, filepath.Join("..", filepath.Base(filepath.Dir(dir)), filepath.Base(dir)))
		if tail, renders := e.Tail(); renders && tail >= e.manifest.Limits.MaxTokens {
			t.Errorf("%s: %d tokens follow a response", dir, tail)
		}
	}
}

func TestItemRefusals(t *testing.T) {
	reward, process := fixture(t, "qwen3-reward-packed"), fixture(t, "qwen3-process-packed")
	noTemplate := *reward
	noTemplate.template = nil
	text := func(s string) *string { return &s }
	long := strings.Repeat("a1 ", 3000)
	separator := process.manifest.Steps.Separator
	tests := []struct {
		name  string
		model *Encoder
		item  Item
		code  string
		want  string
	}{
		{"no form", reward, Item{}, fault.CodeItem, "none of messages, prompt, text and input_ids"},
		{"two forms", reward, Item{Text: text("a"), InputIDs: []int64{1}}, fault.CodeItem, "text and input_ids"},
		{"no messages", reward, Item{Messages: []chat.Message{}}, fault.CodeEmpty, "messages is empty"},
		{"empty text", reward, Item{Text: text("")}, fault.CodeEmpty, "text is empty"},
		{"no ids", reward, Item{InputIDs: []int64{}}, fault.CodeEmpty, "input_ids is empty"},
		{"prompt alone", reward, Item{Prompt: text("a")}, fault.CodeItem, "prompt needs response"},
		{"response beside text", reward, Item{Text: text("a"), Response: text("b")}, fault.CodeItem, "text stands alone"},
		{"steps for a reward model", reward, Item{Prompt: text("a"), Steps: []string{"b"}}, fault.CodeItem, "process models"},
		{"id too high", reward, Item{InputIDs: []int64{1, reward.manifest.Graph.VocabSize}}, fault.CodeID, "token 1 has id"},
		{"negative id", reward, Item{InputIDs: []int64{-1}}, fault.CodeID, "id -1"},
		{"too long", reward, Item{Prompt: text(long), Response: text("b")}, fault.CodeTooLong, "tokens, and limits.max_tokens"},
		{"NUL", reward, Item{Text: text("a\x00b")}, fault.CodeItem, "NUL"},
		{"not UTF-8", reward, Item{Text: text("a\xff")}, fault.CodeItem, "UTF-8"},
		{"no template", &noTemplate, Item{Prompt: text("a"), Response: text("b")}, fault.CodeNoTemplate, "no chat template"},
		{"no separator field", process, Item{Prompt: text("a"), Response: text("b")}, fault.CodeNoSeparator, "no separator"},
		{"no separator in text", process, Item{Text: text("a b")}, fault.CodeNoSeparator, "no step separator"},
		{"no separator in ids", process, Item{InputIDs: []int64{20, 21}}, fault.CodeNoSeparator, "no step separator"},
		{"separator in prompt", process, Item{Prompt: text("a" + separator), Steps: []string{"b"}}, fault.CodeInText, "2 separators"},
		{"separator in step", process, Item{Prompt: text("a"), Steps: []string{"b" + separator}}, fault.CodeInText, "for 1 steps"},
		{"no steps", process, Item{Prompt: text("a"), Steps: []string{}}, fault.CodeEmpty, "steps is empty"},
		{"empty step", process, Item{Prompt: text("a"), Steps: []string{"b", " "}}, fault.CodeEmpty, "steps[1] is empty"},
		{"steps and response", process, Item{Prompt: text("a"), Response: text("b"), Steps: []string{"b"}}, fault.CodeItem, "response and steps"},
		{"steps and separator", process, Item{Prompt: text("a"), Steps: []string{"b"}, Separator: text("\n")}, fault.CodeItem, "separator splits a response"},
		{"no assistant turn", process, Item{Messages: []chat.Message{{Role: "user", Content: "a"}}, Separator: text("\n")}, fault.CodeItem, "the last of messages"},
		{"nothing but separators", process, Item{Prompt: text("a"), Response: text("\n\n"), Separator: text("\n")}, fault.CodeEmpty, "no step"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := encodeWith(test.model, test.item, TruncateError)
			var known *fault.Error
			if !errors.As(err, &known) || known.Code != test.code || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s with %q", err, test.code, test.want)
			}
		})
	}
}

func TestStepsAndSeparatorAgree(t *testing.T) {
	m := fixture(t, "qwen3-process-packed")
	prompt, response, separator := "What is 2 + 3?", "2 + 3 = 5\n\né: 日本\n\nThe answer is 5.", "\n\n"
	split, err := encodeWith(m, Item{Prompt: &prompt, Response: &response, Separator: &separator}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	list, err := encodeWith(m, Item{Prompt: &prompt, Steps: strings.Split(response, separator)}, TruncateError)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(split.IDs, list.IDs) || !slices.Equal(split.Positions, list.Positions) {
		t.Errorf("ids or positions differ: %v %v", split, list)
	}
	if want := []int{9, 16, 34}; !slices.Equal(split.Ends, want) {
		t.Errorf("ends %v, want %v", split.Ends, want)
	}
	if want := []int{9, 14, 30}; !slices.Equal(list.Ends, want) {
		t.Errorf("ends of a list %v, want %v", list.Ends, want)
	}
	for _, at := range split.Positions {
		if split.IDs[at] != m.separator {
			t.Errorf("position %d is id %d, not the separator", at, split.IDs[at])
		}
	}
}

// TestExactlyOneBOS holds for text, messages, rendered text that has its BOS already, and ids with none, one and two.
func TestExactlyOneBOS(t *testing.T) {
	m := fixture(t, "llama-reward-packed")
	bos := *m.manifest.Tokenizer.BOSID
	mark := m.tokens.Decode(bos)
	for _, item := range []Item{
		{Text: new("plain")},
		{Text: new(mark + "rendered")},
		{Text: new(mark + mark + "twice")},
		{Messages: []chat.Message{{Role: "user", Content: "hello"}, {Role: "assistant", Content: "there"}}},
		{InputIDs: []int64{bos + 5, bos + 6}},
		{InputIDs: []int64{bos, bos + 5}},
		{InputIDs: []int64{bos, bos, bos + 5}},
	} {
		got, err := encodeWith(m, item, TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		if got.IDs[0] != bos || countOf(got.IDs, bos) != 1 {
			t.Errorf("ids %v, want exactly one %d, in front", got.IDs, bos)
		}
	}
	plain := fixture(t, "qwen3-reward-packed")
	if got, err := encodeWith(plain, Item{InputIDs: []int64{7, 7, 9}}, TruncateError); err != nil || !slices.Equal(got.IDs, []int64{7, 7, 9}) {
		t.Errorf("bos: none changed the ids to %v, %v", got.IDs, err)
	}
}

// TestTruncationLaws: the length is the limit, the cut is reported, BOS and the template's tail stay, and so does every
// position read, or the item is refused.
func TestTruncationLaws(t *testing.T) {
	encoders := []*Encoder{fixture(t, "llama-reward-packed"), fixture(t, "qwen3-process-packed"), fixture(t, "mistral-process-packed")}
	cuts := map[Truncation]int{}
	rapid.Check(t, func(t *rapid.T) {
		m := rapid.SampledFrom(encoders).Draw(t, "model")
		e := *m
		own := *e.manifest
		e.manifest = &own
		prompt := rapid.StringMatching(`[a-z0-9 ]{0,80}`).Draw(t, "prompt")
		item := Item{Prompt: &prompt}
		if own.Kind == manifest.KindProcess {
			item.Steps = rapid.SliceOfN(rapid.StringMatching(`[a-z0-9]{1,20}`), 1, 4).Draw(t, "steps")
		} else {
			item.Response = new(rapid.StringMatching(`[a-z0-9 ]{1,40}`).Draw(t, "response"))
		}
		whole, err := encodeWith(&e, item, TruncateError)
		if err != nil {
			t.Fatal(err)
		}
		own.Limits.MaxTokens = rapid.IntRange(1, len(whole.IDs)+2).Draw(t, "limit")
		how := rapid.SampledFrom([]Truncation{TruncateLeft, TruncateRight}).Draw(t, "truncate")
		cut, err := encodeWith(&e, item, how)
		if err != nil {
			var known *fault.Error
			if !errors.As(err, &known) || known.Code != fault.CodeTooLong {
				t.Fatalf("error %v, want %s", err, fault.CodeTooLong)
			}
			return
		}
		want := min(len(whole.IDs), own.Limits.MaxTokens)
		if len(cut.IDs) != want || cut.Truncated != len(whole.IDs)-want {
			t.Fatalf("%d tokens, %d reported cut; want %d of %d", len(cut.IDs), cut.Truncated, want, len(whole.IDs))
		}
		if own.Tokenizer.BOS == "one" && cut.IDs[0] != *own.Tokenizer.BOSID {
			t.Fatal("the BOS was cut")
		}
		tail := min(len(e.tail), want)
		if !slices.Equal(cut.IDs[len(cut.IDs)-tail:], whole.IDs[len(whole.IDs)-tail:]) {
			t.Fatal("the template's tail was cut")
		}
		if len(cut.Positions) != len(whole.Positions) {
			t.Fatalf("%d positions read, want %d", len(cut.Positions), len(whole.Positions))
		}
		for i := range cut.Positions {
			if cut.IDs[cut.Positions[i]] != whole.IDs[whole.Positions[i]] {
				t.Fatalf("position %d reads another token", i)
			}
		}
		if cut.Truncated > 0 {
			cuts[how]++
		}
	})
	if cuts[TruncateLeft] < 5 || cuts[TruncateRight] < 5 {
		t.Errorf("items that were cut: %v, want 5 or more each way", cuts)
	}
}

// TestTheTailOfATextIsKept: a conversation that the client rendered is cut where the server's own rendering of it is.
func TestTheTailOfATextIsKept(t *testing.T) {
	for _, name := range []string{"qwen3-reward-packed", "llama-reward-padded"} {
		m := fixture(t, name)
		long := strings.Repeat("word and more ", 400)
		item := Item{Prompt: new("p"), Response: &long}
		whole, err := encodeWith(m, item, TruncateRight)
		if err != nil || whole.Truncated == 0 {
			t.Fatalf("%s: %d cut, %v", name, whole.Truncated, err)
		}
		text, err := encodeWith(m, Item{Text: &whole.Text}, TruncateRight)
		if err != nil || !slices.Equal(text.IDs, whole.IDs) || text.Truncated != whole.Truncated {
			t.Errorf("%s: of the text %d ids, %d cut, end %v; of the conversation %d, %d, end %v; %v", name, len(text.IDs), text.Truncated,
				stretchOf(text.IDs), len(whole.IDs), whole.Truncated, stretchOf(whole.IDs), err)
		}
	}
}

func stretchOf(ids []int64) []int64 { return ids[max(0, len(ids)-5):] }

// TestADateIsFixedOrTold: a template that writes the date is told of, unless the manifest fixes the day, which it then
// writes.
func TestADateIsFixedOrTold(t *testing.T) {
	dir := filepath.Join("..", "testdata", "bundles", "qwen3-reward-packed")
	tokens, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		date, template, want string
		dated                bool
	}{
		{"", "{{ messages[0].content }}{{ messages[-1].content }}", "ab", false},
		{"", "{{ strftime_now('%Y') }}", time.Now().Format("2006"), true},
		{"2024-07-26", "{{ strftime_now('%d %b %Y, %A') }}", "26 Jul 2024, Friday", false},
	} {
		m := *fixture(t, "qwen3-reward-packed").manifest
		m.Template.Date = test.date
		e, err := New(&m, tokens, test.template, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := encodeWith(e, Item{Prompt: new("a"), Response: new("b")}, TruncateError)
		if err != nil || e.Dated() != test.dated || got.Text != test.want {
			t.Errorf("%s on %q: %q, dated %t, %v; want %q, %t", test.template, test.date, got.Text, e.Dated(), err, test.want, test.dated)
		}
	}
}
