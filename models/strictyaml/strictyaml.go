// Package strictyaml reads a file of YAML that somebody else wrote: strictly, and within bounds.
//
// A manifest and a recipe are such files. They are lists and maps of plain values; whatever else YAML has is refused.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/assay-rm/assay/models/fault"
)

// What a file may be made of, as docs/BUNDLE.md says. YAML's parser follows whatever it finds, and takes quadratic
// time and memory for depth and for keys, so this is counted on the tokens, which are found in linear time.
const (
	maxTokenCount = 1 << 15
	maxNesting    = 16 // lists and maps inside one another
	maxIndent     = 64 // columns before a line's first character
)

// forbidden are the parts of YAML that such a file has no use for.
var forbidden = map[token.Type]string{
	token.AnchorType: "an anchor", token.AliasType: "an alias", token.MergeKeyType: "a merge key", token.TagType: "a tag",
	token.DirectiveType: "a directive", token.MappingKeyType: "a complex key",
}

// Decode reads the text strictly: unknown fields, keys given twice and forbidden parts are refused. Its error is one
// line.
func Decode(data []byte, into any) error {
	if err := checkTokens(lexer.Tokenize(string(data))); err != nil {
		return err
	}
	err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(into)
	var located yaml.Error
	if !errors.As(err, &located) || located.GetToken() == nil {
		return err
	}
	at := located.GetToken().Position
	return fmt.Errorf("line %d, %q: %s", at.Line, fault.Short(lineOf(data, at.Line)), firstLine(located.GetMessage()))
}

// checkTokens refuses what is too much or too deep.
func checkTokens(tokens token.Tokens) error {
	if len(tokens) > maxTokenCount {
		return fmt.Errorf("more than %d words and signs", maxTokenCount)
	}
	line, begun := 0, false // begun: a document
	flow, block := 0, 0     // lists and maps that are open: in brackets, and by the signs of one line
	for _, t := range tokens {
		if t.Position.Line != line {
			line, block = t.Position.Line, 0
			if t.Position.Column > maxIndent && flow == 0 {
				return fmt.Errorf("line %d begins behind column %d", line, maxIndent)
			}
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingValueType:
			if flow == 0 {
				block++
			}
		case token.DocumentHeaderType:
			if begun {
				return fmt.Errorf("line %d begins another document", line)
			}
		case token.CommentType:
			continue
		default:
			if what := forbidden[t.Type]; what != "" {
				return fmt.Errorf("line %d has %s, %q, and may have none", line, what, fault.Short(t.Value))
			}
		}
		begun = true
		if max(flow, block) > maxNesting {
			return fmt.Errorf("line %d: more than %d lists and maps inside one another", line, maxNesting)
		}
	}
	return nil
}

// lineOf is a line of the text, counted from 1, without the blanks around it.
func lineOf(data []byte, line int) string {
	for range line - 1 {
		_, data, _ = bytes.Cut(data, []byte("\n"))
	}
	return strings.TrimSpace(firstLine(string(data)))
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}
