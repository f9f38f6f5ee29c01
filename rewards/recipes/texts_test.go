package recipes

import (
	"encoding/json"
	"os/exec"
	"slices"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// pythonWords prints, for each text of a list, its words by Python's regular expression, and the share of unique
// trigrams among them, as the paper of the regularized relevance reward has both.
const pythonWords = `
import json, re, sys
for text in json.load(sys.stdin):
    words = re.findall(r"\w+|[^\w\s]+", text)
    grams = [tuple(words[i:i + 3]) for i in range(len(words) - 2)]
    print(json.dumps({"words": words, "unique": len(set(grams)) / len(grams) if grams else 1}))
`

func TestWordsArePythons(t *testing.T) {
	texts := []string{
		"", " ", "a", "a.b", "it's 3.14, isn't it?", "the cat sat. the cat sat. the cat sat.", "naïve  _x_\tÜber—straße…", "一二 三", "a\u00a0b\u2003c\x1fd",
		"½ ² Ⅻ ٣", "👍🏽 ok", "e\u0301a", "x\u200by", "--- !!! ---",
	}
	body, _ := json.Marshal(texts)
	python := exec.CommandContext(t.Context(), "python3", "-c", pythonWords)
	in, err := python.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = in.Write(body)
		_ = in.Close()
	}()
	out, err := python.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range splitLines(out) {
		var want struct {
			Words  []string
			Unique float64
		}
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		got := split(texts[i])
		if !slices.Equal(got, want.Words) || uniqueNgrams(got, 3) != want.Unique {
			t.Errorf("%q has the words %q and %g, and Python's are %q and %g", texts[i], got, uniqueNgrams(got, 3), want.Words, want.Unique)
		}
	}
}

func splitLines(out []byte) (lines [][]byte) {
	for len(out) > 0 {
		at := slices.Index(out, '\n')
		lines, out = append(lines, out[:at]), out[at+1:]
	}
	return lines
}

// Whatever the text, its words are cut from it in order, and the share of unique runs lies in (0, 1].
func TestWordsAreOfTheirText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.String().Draw(t, "text")
		words, length := split(of), 0
		for _, w := range words {
			length += utf8.RuneCountInString(w)
		}
		if share := uniqueNgrams(words, rapid.IntRange(1, 4).Draw(t, "n")); length > utf8.RuneCountInString(of) || share <= 0 || share > 1 {
			t.Fatalf("%q has the words %q and the share %g", of, words, share)
		}
	})
}

func TestExpressionsOfTexts(t *testing.T) {
	given := map[string]Given{"r": {Number: 2}, Prompt: {Word: "Say hi to me"}, Response: {Word: "hi hi hi hi\n###"}, Reference: {Word: " hi "}}
	for score, want := range map[string]float64{
		`words(response)`:                       5,
		`characters(prompt)`:                    12,
		`unique_ngrams(response, 1)`:            0.4,
		`words(up_to(response, "\n"))`:          4,
		`found(response, "#+$") * r`:            2,
		`found(up_to(response, "#"), "#")`:      0,
		`same(up_to(prompt, "Say"), response)`:  0,
		`same(reference, up_to(response, " "))`: 1,
	} {
		r, err := Parse([]byte("recipe: 1\nname: a\nreadings: {r: {gives: score}}\nscore: '0 * r + " + score + "'\n"))
		if err != nil {
			t.Errorf("%s: %v", score, err)
			continue
		}
		if out, err := r.Evaluate(nil, given); err != nil || out.Score != want {
			t.Errorf("%s is %g, want %g: %v", score, out.Score, want, err)
		}
		if _, err := r.Evaluate(nil, map[string]Given{"r": {Number: 2}}); err == nil {
			t.Errorf("%s has a number of an item without texts", score)
		}
	}
}
