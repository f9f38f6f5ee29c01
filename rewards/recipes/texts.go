package recipes

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/expr-lang/expr"
)

// textFunctions are of the texts of an item.
func textFunctions() []expr.Option {
	ofText, ofTextAndWord := new(func(text) float64), new(func(text, string) float64)
	return []expr.Option{
		expr.Function("words", func(args ...any) (any, error) { return float64(len(split(textOf(args[0])))), nil }, ofText),
		expr.Function("characters", func(args ...any) (any, error) { return float64(utf8.RuneCountInString(textOf(args[0]))), nil }, ofText),
		expr.Function("unique_ngrams", func(args ...any) (any, error) {
			n := number(args[1])
			if n != math.Trunc(n) || n < 1 || n > maxNgram {
				return nil, fmt.Errorf("unique_ngrams: n is %g, and must be a whole number from 1 to %d", n, maxNgram)
			}
			return uniqueNgrams(split(textOf(args[0])), int(n)), nil
		}, new(func(text, float64) float64)),
		expr.Function("found", func(args ...any) (any, error) {
			pattern, err := regexp.Compile(args[1].(string)) //nolint:forcetypeassert // the compiler has proved it
			if err != nil {
				return nil, err
			}
			return flag(pattern.MatchString(textOf(args[0]))), nil
		}, ofTextAndWord),
		expr.Function("up_to", func(args ...any) (any, error) {
			of, _, _ := strings.Cut(textOf(args[0]), args[1].(string)) //nolint:forcetypeassert // the compiler has proved it
			return text(of), nil
		}, new(func(text, string) text)),
		expr.Function("same", func(args ...any) (any, error) {
			return flag(strings.TrimSpace(textOf(args[0])) == strings.TrimSpace(textOf(args[1]))), nil
		}, new(func(text, text) float64)),
	}
}

const maxNgram = 16

func flag(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// split cuts a text into words and runs of signs, as the regular expression \w+|[^\w\s]+ of Python does: the
// wordpunct tokens of NLTK.
func split(of string) []string {
	const space, word, sign = 0, 1, 2
	var parts []string
	begin, was := 0, space
	for i, r := range of {
		is := sign
		switch {
		case unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f:
			is = space
		case unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_':
			is = word
		}
		if is == was {
			continue
		}
		if was != space {
			parts = append(parts, of[begin:i])
		}
		begin, was = i, is
	}
	if was != space {
		parts = append(parts, of[begin:])
	}
	return parts
}

// uniqueNgrams is how many different runs of n parts there are among all of them; 1 where there is none, since nothing
// is repeated.
func uniqueNgrams(parts []string, n int) float64 {
	total := len(parts) - n + 1
	if total <= 0 {
		return 1
	}
	seen := make(map[string]bool, total)
	for i := range total {
		seen[strings.Join(parts[i:i+n], "\x00")] = true
	}
	return float64(len(seen)) / float64(total)
}
