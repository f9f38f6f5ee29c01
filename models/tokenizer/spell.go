package tokenizer

import "strings"

// How far spelling looks around: so many tokens before the first are decoded with it, since its text may hang on them,
// and more up to a limit where they would begin inside a character. A text that is no character yet waits for so many
// tokens at most.
const (
	contextTokens = 5
	mostContext   = 16
	mostHeld      = 64
)

// replacement is what the decoder writes for bytes that are no character, or not yet one.
const replacement = "\uFFFD"

// Spell gives the text of each of the ids from the one at from on, special tokens included; the texts put together are
// what the tokenizer decodes of all of them behind those before. A character that several tokens make is the last
// one's, and the others have none. That costs two short decodings a token. Where a text holds more than about twenty
// replacement characters in a row, there may be other such characters among its texts.
func (t *Tokenizer) Spell(ids []int64, from int) []string {
	texts := make([]string, len(ids)-from)
	window, told := t.context(ids, from), from
	before := t.Decode(ids[window:from]...)
	for at := from; at < len(ids); at++ {
		text := t.Decode(ids[window : at+1]...)
		if strings.HasSuffix(text, replacement) && at < len(ids)-1 && at-told < mostHeld {
			continue // its character may go on
		}
		texts[at-from], _ = strings.CutPrefix(text, before)
		window, told = told, at+1
		before = t.Decode(ids[window:told]...)
	}
	return texts
}

// context is where the tokens begin that are decoded before the one at from. They do not begin inside a character, and
// some decoders take a space off the first of them.
func (t *Tokenizer) context(ids []int64, from int) int {
	window := max(0, from-contextTokens)
	for window > max(0, from-mostContext) && strings.HasPrefix(t.Decode(ids[window:from]...), replacement) {
		window--
	}
	return window
}
