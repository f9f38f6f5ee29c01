package protocols

import (
	"encoding/json"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonText is JSON that is being written, for answers whose objects have names that a client chose, in the client's
// order, which encoding/json has no form for.
type jsonText []byte

func (t *jsonText) open() { *t = append(*t, '{') }

// close ends an object: a comma behind its last member is taken back.
func (t *jsonText) close() {
	if last := len(*t) - 1; (*t)[last] == ',' {
		*t = (*t)[:last]
	}
	*t = append(*t, '}', ',')
}

// bytes is the whole text.
func (t jsonText) bytes() []byte { return append(t[:len(t)-1], '\n') }

// field writes a member's name, and is to be followed by its value.
func (t *jsonText) field(name string) *jsonText {
	*t, _ = jsontext.AppendQuote(*t, name) // what is not Unicode is replaced
	*t = append(*t, ':')
	return t
}

func (t *jsonText) text(value string) {
	*t, _ = jsontext.AppendQuote(*t, value)
	*t = append(*t, ',')
}

// number writes a finite number.
func (t *jsonText) number(value float64) {
	*t = append(strconv.AppendFloat(*t, value, 'g', -1, 64), ',')
}

// value writes anything that encoding/json can.
func (t *jsonText) value(of any) {
	text, err := json.Marshal(of)
	if err != nil {
		panic(err) // it is strings and numbers
	}
	*t = append(append(*t, text...), ',')
}
