package protocols

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/assay-rm/assay/models/fault"
	"github.com/assay-rm/assay/rewards/failure"
	"github.com/assay-rm/assay/server/wire"
)

const (
	graderSample = "sample.output_text" // the name of the sample's text

	mostGraderItem = 1 << 20 // bytes of a grader's item
	mostFilled     = 4 << 20 // bytes of a grader's texts once values stand in them: what the text of an item may have
)

// graderValues is what stands for the names in double braces.
type graderValues struct {
	sample string
	item   any // of JSON, with numbers as they are written
	filled int // bytes of the texts so far
	err    error
}

// newGraderValues reads the item of a request.
func newGraderValues(of *wire.GraderRequest) (*graderValues, error) {
	v := &graderValues{sample: of.Sample}
	if len(of.Item) > mostGraderItem {
		return nil, failure.New(fault.CodeBudget, "item: has %d bytes, and the item of a grader may have %d", len(of.Item), mostGraderItem)
	}
	if len(of.Item) == 0 {
		return v, nil
	}
	reader := json.NewDecoder(bytes.NewReader(of.Item))
	reader.UseNumber()
	if err := reader.Decode(&v.item); err != nil {
		return nil, invalid("item: cannot be read: %s", err)
	}
	return v, nil
}

// fill writes the values into a text. After an error, which v has then, what it gives is no text to be used.
func (v *graderValues) fill(text string) string {
	var filled strings.Builder
	for v.err == nil {
		before, behind, is := strings.Cut(text, "{{")
		name, rest, ends := strings.Cut(behind, "}}")
		v.put(&filled, before)
		if !is || !ends {
			if is {
				v.put(&filled, "{{"+behind)
			}
			break
		}
		v.put(&filled, v.value(strings.TrimSpace(name)))
		text = rest
	}
	return filled.String()
}

// put writes a part of a text, as long as all texts stay within what they may have: a short name that stands there
// often enough would make a short body a text of gigabytes.
func (v *graderValues) put(into *strings.Builder, part string) {
	if v.filled += len(part); v.filled > mostFilled && v.err == nil {
		v.err = failure.New(fault.CodeBudget, "grader: its texts have more than %d bytes once their names are filled in", mostFilled)
	}
	if v.err == nil {
		into.WriteString(part)
	}
}

// value is what a name stands for: the sample's text, or a field of the item, which may lie in others. A text is
// itself, a number or a truth as it is written.
func (v *graderValues) value(name string) string {
	if name == graderSample {
		return v.sample
	}
	path, value := strings.Split(name, "."), v.item
	for _, field := range path[1:] {
		fields, _ := value.(map[string]any)
		value = fields[field]
	}
	if path[0] == "item" && len(path) > 1 {
		switch value := value.(type) {
		case string:
			return value
		case json.Number:
			return value.String()
		case bool:
			if value {
				return "true"
			}
			return "false"
		}
	}
	v.err = invalid("{{%s}}: is neither {{%s}} nor a text, number or truth of item", fault.Short(name), graderSample)
	return ""
}

// graderPrompt is the name of an item in the texts of turns, and whether there is one alone.
func graderPrompt(turns []wire.GraderTurn) (prompt string, one bool) {
	for name := range graderNames(turns) {
		if !strings.HasPrefix(name, "item.") {
			continue
		}
		if prompt != "" && name != prompt {
			return "", false
		}
		prompt = name
	}
	return prompt, prompt != ""
}

// graderSays tells whether the texts of turns have a name.
func graderSays(turns []wire.GraderTurn, name string) bool {
	for given := range graderNames(turns) {
		if given == name {
			return true
		}
	}
	return false
}

// graderNames are the names in the texts of turns, one after the other.
func graderNames(turns []wire.GraderTurn) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for i := range turns {
			text, _ := turns[i].Content.(string)
			for part := range strings.SplitSeq(text, "{{") {
				if name, _, is := strings.Cut(part, "}}"); is && !yield(strings.TrimSpace(name)) {
					return
				}
			}
		}
	}
}
