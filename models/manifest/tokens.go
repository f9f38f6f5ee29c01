package manifest

import "time"

// tokenizer describes the tokenizer and the policy on its ids.
type tokenizer struct {
	File      string `yaml:"file"`
	BOS       string `yaml:"bos"`
	BOSID     *int64 `yaml:"bos_id,omitempty"`
	End       string `yaml:"end,omitempty"`
	EndID     *int64 `yaml:"end_id,omitempty"`
	PadID     *int64 `yaml:"pad_id,omitempty"`
	TypeAfter *int64 `yaml:"type_after,omitempty"` // token_type_ids are 1 behind the first of this id
	Frame     *frame `yaml:"frame,omitempty"`
}

// frame has the ids that stand around every text, as a tokenizer puts them there by itself: [CLS] text [SEP].
type frame struct {
	Before []int64 `yaml:"before,omitempty"`
	After  []int64 `yaml:"after,omitempty"`
}

// Around is what stands before and behind a text; nothing without a frame.
func (t *tokenizer) Around() (before, after []int64) {
	if t.Frame == nil {
		return nil, nil
	}
	return t.Frame.Before, t.Frame.After
}

// Leading is how many BOS lead every item; 0: the beginning is left as it is.
func (t *tokenizer) Leading() int {
	switch t.BOS {
	case bosOne:
		return 1
	case bosTwo:
		return 2
	}
	return 0
}

// AppendsEnd tells whether every item that does not end with EndID gets it.
func (t *tokenizer) AppendsEnd() bool { return t.End == endAppend }

// ReplacesEnd tells whether the last id of every item becomes EndID.
func (t *tokenizer) ReplacesEnd() bool { return t.End == endReplace }

// template says how a conversation becomes text or segments of text; without File and Segments there is no way.
type template struct {
	File      string            `yaml:"file,omitempty"`
	Variables map[string]string `yaml:"variables,omitempty"`
	Date      string            `yaml:"date,omitempty"` // the day that it writes, as 2024-07-26; empty: today
	Segments  []Segment         `yaml:"segments,omitempty"`
	Fields    map[string]string `yaml:"fields,omitempty"` // of an item, which File may name: required or optional
}

// Day is the day that the template writes; the zero time is today.
func (t *template) Day() time.Time {
	day, err := time.Parse(time.DateOnly, t.Date)
	if err != nil {
		return time.Time{} // left out, since check has refused any other
	}
	return day
}

// Segment is one token, or text that is tokenized on its own: what is the same for every item, a part of the item, or
// the one and then the other.
type Segment struct {
	Token     string `yaml:"token,omitempty"`
	Fixed     string `yaml:"fixed,omitempty"`      // stands before Text, or alone
	Text      string `yaml:"text,omitempty"`       // prompt, response, first or second
	MaxTokens int    `yaml:"max_tokens,omitempty"` // of both together
}

// read is what some pooling rules need beside the ids.
type read struct {
	Offset int    // of from_end: ids before the last
	Token  string // of at_token, in a model whose steps have no separator
}

// prompt finds the position that is read at the end of the prompt, in one of two ways; the zero value reads none.
type prompt struct {
	Pattern  []int64 // where the last occurrence of these ids begins
	Rendered bool    // the last id of the conversation without the response
}

// Read tells whether a position in the prompt is read.
func (p *prompt) Read() bool { return p.Rendered || p.Pattern != nil }
