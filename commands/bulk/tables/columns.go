package tables

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Columns say which columns of a file are which fields of a row.
type Columns struct {
	of     map[string]string // the column of a field, where it is not called so
	field  map[string]string // the same from the column to the field
	decode func(text []byte) (ignored []string, err error)
	passed map[string]bool // columns that are not read
}

// NewColumns makes them of a map from fields to the columns that have them; decode is what reads a row, and says what a
// field is. The error names what is none.
func NewColumns(of map[string]string, decode func(text []byte) (ignored []string, err error)) (*Columns, error) {
	c := &Columns{of: of, field: map[string]string{}, decode: decode, passed: map[string]bool{}}
	for _, field := range slices.Sorted(maps.Keys(of)) {
		if ignored, err := decode(member(field, "null")); len(ignored) > 0 || (err != nil && strings.Contains(err.Error(), "unknown field")) {
			return nil, fmt.Errorf("%q is no field that is read of a row", field)
		}
		if before, twice := c.field[of[field]]; twice {
			return nil, fmt.Errorf("column %q is to be both %q and %q", of[field], before, field)
		}
		c.field[of[field]] = field
	}
	return c, nil
}

// member is an object with one member.
func member(name, value string) []byte {
	quoted, _ := json.Marshal(name) //nolint:errchkjson // a string always can be
	return slices.Concat([]byte("{"), quoted, []byte(":"+value+"}"))
}

// read gives the columns of a file that are to be read: those of fields, and those that a row must not have, so that
// they are refused. The error names a column that was mapped and is not there.
func (c *Columns) read(all []string) (some []string, err error) {
	for _, field := range slices.Sorted(maps.Keys(c.of)) {
		if !slices.Contains(all, c.of[field]) {
			return nil, fmt.Errorf("there is no column %q for %q; there are %s", c.of[field], field, strings.Join(all, ", "))
		}
	}
	for _, name := range all {
		if _, mapped := c.field[name]; mapped {
			some = append(some, name)
			continue
		}
		if _, replaced := c.of[name]; replaced {
			continue
		}
		if ignored, err := c.decode(member(name, `"x"`)); err == nil && len(ignored) > 0 {
			c.passed[name] = true
			continue
		}
		some = append(some, name)
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("none of its columns is read: %s; --map says what they are, as in --map prompt=question,response=answer",
			strings.Join(all, ", "))
	}
	return some, nil
}

// Passed are the columns of Parquet and Arrow files that were not read, in the order of their names.
func (c *Columns) Passed() []string { return slices.Sorted(maps.Keys(c.passed)) }

var errOther = errors.New("no object")

// rename gives the row with its fields called so. A column that is null is left out, as one that is not there. Text
// that is no JSON object stays as it is, for whoever decodes it to refuse.
func (c *Columns) rename(text []byte) []byte {
	in := jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	renamed, changed, err := c.members(in)
	if err != nil || !changed {
		return text
	}
	rest := bytes.TrimSpace(text[in.InputOffset():])
	return append(renamed, rest...) // what goes on after the object is refused as it was
}

func (c *Columns) members(in *jsontext.Decoder) (renamed []byte, changed bool, err error) {
	if token, err := in.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return nil, false, errors.Join(err, errOther)
	}
	renamed = append(renamed, '{')
	for in.PeekKind() != jsontext.KindEndObject {
		token, err := in.ReadToken()
		if err != nil {
			return nil, false, err
		}
		name := token.String()
		value, err := in.ReadValue()
		if err != nil {
			return nil, false, err
		}
		field, mapped := c.field[name]
		if !mapped {
			field = name
			if _, replaced := c.of[name]; replaced {
				changed = true
				continue
			}
		}
		if value.Kind() == jsontext.KindNull {
			changed = true
			continue
		}
		changed = changed || mapped && field != name
		if len(renamed) > 1 {
			renamed = append(renamed, ',')
		}
		if renamed, err = jsontext.AppendQuote(renamed, field); err != nil {
			return nil, false, err
		}
		renamed = append(append(renamed, ':'), value...)
	}
	_, err = in.ReadToken()
	return append(renamed, '}'), changed, err
}
